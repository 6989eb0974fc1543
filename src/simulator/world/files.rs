//! A complete configuration of Tollgate for a world: what an operator would write.

use std::io;
use std::path::{Path, PathBuf};

use super::World;
use super::invoice::CHARGE_ACCOUNTS;
use super::masters::{FIRST_INACTIVE, PLANTS, renamed, suppliers};
use super::stories::UNKNOWN_VENDOR;

/// Where both systems are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Base of JAGGAER's interface.
    pub jaggaer_base: String,
    /// Issuer for discovery.
    pub issuer: String,
    /// Address of the gateway.
    pub gateway_url: String,
}

/// A path or text as a TOML string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

impl World {
    /// Writes `tollgate.toml`, `mapping.toml`, `plants.csv`, `suppliers.csv` and a key file into a directory, which is made if
    /// need be. Gives the path of `tollgate.toml`. Secrets are not written: see [`World::secrets`].
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn files(&self, directory: &Path, addresses: &Addresses) -> io::Result<PathBuf> {
        std::fs::create_dir_all(directory)?;
        let directory = directory.canonicalize()?;
        let config = directory.join("tollgate.toml");
        std::fs::write(&config, self.config(&directory, addresses))?;
        std::fs::write(directory.join("mapping.toml"), mapping(&directory))?;
        let mut plants = String::from("code,location\n");
        PLANTS.iter().for_each(|(code, location)| plants.push_str(&format!("{code},{location}\n")));
        std::fs::write(directory.join("plants.csv"), plants)?;
        let inactive = suppliers().into_iter().skip(FIRST_INACTIVE).map(|one| (one.number, one.vendor));
        let unknown = (UNKNOWN_VENDOR.0.to_owned(), UNKNOWN_VENDOR.1.to_owned());
        let mut table = String::from("number,vendor\n");
        for (number, vendor) in renamed().into_iter().chain(inactive).chain([unknown]) {
            table.push_str(&format!("{number},{vendor}\n"));
        }
        std::fs::write(directory.join("suppliers.csv"), table)?;
        self.write_key(&directory.join("key"))?;
        Ok(config)
    }

    fn write_key(&self, at: &Path) -> io::Result<()> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;

        use sha2::{Digest, Sha256};
        let key = Sha256::digest(format!("key of the demo world {}", self.seed).as_bytes());
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(at)?;
        file.write_all(&key)
    }

    fn config(&self, directory: &Path, addresses: &Addresses) -> String {
        let user = self.gateway.users.keys().next().cloned().unwrap_or_default();
        format!(
            r#"# Made for the built-in simulators; nothing here reaches a real system.
data_dir = {data_dir}
key_file = {key_file}

[jaggaer]
base_url  = {base_url}
issuer    = {issuer}
client_id = {client_id}
profile   = "j1p"
instance  = {instance}
requests_per_second = 200
max_parallel        = 4

[intacct]
gateway_url = {gateway_url}
sender_id   = {sender_id}
company_id  = {company_id}
user_id     = {user_id}

[schedule]
timezone        = "America/Chicago"
dimensions      = "0 */5 * * * *"
vendors         = "30 * * * * *"
purchase_orders = "0 */5 * * * *"
invoices        = "*/2 * * * * *"

[posting]
mode        = "post"
from        = "{from}"
mapping     = {mapping}
action      = "submit"
late_commit = "2s"
read_lag    = "1s"
"#,
            data_dir = path(&directory.join("data")),
            key_file = path(&directory.join("key")),
            base_url = quoted(&addresses.jaggaer_base),
            issuer = quoted(&addresses.issuer),
            client_id = quoted(&self.procurement.client_id),
            instance = quoted(&self.instance),
            gateway_url = quoted(&addresses.gateway_url),
            sender_id = quoted(&self.gateway.sender_id),
            company_id = quoted(&self.gateway.company_id),
            user_id = quoted(&user),
            from = self.from,
            mapping = path(&directory.join("mapping.toml")),
        )
    }
}

fn mapping(directory: &Path) -> String {
    let mut text = String::from(
        r#"version = 1

[vendor]
find = ["{supplier.number}", "{table.suppliers[supplier.number].vendor}"]

"#,
    );
    for (kind, account) in CHARGE_ACCOUNTS {
        text.push_str(&format!(
            "[[rule]]\nname = \"Charge: {kind}\"\nwhen = {{ \"line.kind\" = \"{kind}\" }}\nset  = {{ account = \"{account}\" }}\n\n"
        ));
    }
    text.push_str(
        r#"[[rule]]
name = "Accounting split of the line"
when = { "split.segments.Account" = { present = true } }
set  = { account = "{split.segments.Account}", department = "{split.segments.Department}" }

[[rule]]
name = "Project of the invoice"
set  = { project = "{custom.ProjectCode}" }

[[rule]]
name = "Plant"
set  = { location = "{table.plants[entity].location}" }

[[rule]]
name = "Payment term"
set  = { term = "{terms}" }

"#,
    );
    text.push_str(&format!("[table.plants]\nkey  = \"code\"\nfile = {}\n\n", path(&directory.join("plants.csv"))));
    text.push_str(&format!(
        "[table.suppliers]\nkey  = \"number\"\nfile = {}\n",
        path(&directory.join("suppliers.csv"))
    ));
    text
}
