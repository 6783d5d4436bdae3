//! The names of a restore's options, by which kinds say what they need and take.

pub(super) const SNAPSHOT: &str = "snapshot-id";
pub(super) const TARGET: &str = "target-time";
pub(super) const DATABASE: &str = "database";
pub(super) const REGION: &str = "region";
pub(super) const POINT: &str = "recovery-point";
pub(super) const PATH: &str = "path";
pub(super) const FROM: &str = "from";
pub(super) const NAME: &str = "name";
pub(super) const BUCKET: &str = "bucket";
pub(super) const PREFIX: &str = "prefix";
pub(super) const AS_OF: &str = "as-of";
pub(super) const TENANT: &str = "tenant";
pub(super) const TABLES: &str = "tables";
pub(super) const MERGE: &str = "merge";
pub(super) const TYPE: &str = "type";
pub(super) const INTO: &str = "into";
pub(super) const KEEP: &str = "keep";
pub(super) const TICKET: &str = "ticket";
