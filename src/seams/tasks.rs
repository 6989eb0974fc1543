//! Where the engine's tasks run.

use super::Boxed;

/// Runs tasks until they end.
pub trait Tasks: Send + Sync {
    /// Starts a task.
    fn start(&self, task: Boxed<'static, ()>);
}

/// Tasks of the tokio runtime in which they are started.
pub struct RuntimeTasks;

impl Tasks for RuntimeTasks {
    fn start(&self, task: Boxed<'static, ()>) {
        drop(tokio::spawn(task));
    }
}
