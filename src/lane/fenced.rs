//! The network of an engine that may be the wrong one by now: no bill leaves without a look at the fence.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::seams::{Boxed, Guard, Guards, NetError, Network, Purpose, Request, Response, Sent};
use crate::store::Store;

/// A network that asks the store before each request with bills whether this engine still holds its data directory and its
/// epoch. It stands below sessions and waiting, so that as little as possible lies between the look and the first byte.
pub struct FencedNetwork<G> {
    network: Arc<dyn Network>,
    store: Store,
    guards: PhantomData<fn() -> G>,
}

impl<G: Guards> FencedNetwork<G> {
    /// A network for the engine whose store this is.
    pub fn new(network: Arc<dyn Network>, store: Store) -> Self {
        FencedNetwork { network, store, guards: PhantomData }
    }
}

impl<G: Guards> Network for FencedNetwork<G> {
    fn exchange(&self, request: Request) -> Boxed<'_, Result<Response, NetError>> {
        if matches!(request.purpose, Purpose::Post | Purpose::Supply)
            && G::hold(Guard::Fence)
            && let Err(error) = self.store.still_held()
        {
            return Box::pin(async move { Err(NetError { sent: Sent::No, what: format!("not sent: {error}") }) });
        }
        self.network.exchange(request)
    }
}
