//! The live world as a plan sees it: what is asked of AWS before anything is promised, and what was found.

/// What a planner wants to know of the live world.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// DB instance identifiers to describe in the primary region.
    pub databases: Vec<String>,
    /// File system ids to describe in the primary region.
    pub file_systems: Vec<String>,
    /// Prefix of secret names to list in the primary region.
    pub secrets_prefix: Option<String>,
    /// Whether to look at the primary vault.
    pub vault: bool,
    /// Whether to look at the primary secrets bucket.
    pub bucket: bool,
    /// Whether to look at the DR side: vault, bucket, KMS key.
    pub dr: bool,
}

/// A DB instance as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFound {
    /// DB instance identifier.
    pub id: String,
    /// `mysql 8.0.36`.
    pub engine: String,
    /// `available`, `backing-up`, ….
    pub status: String,
    /// Storage encrypted.
    pub encrypted: bool,
    /// Allocated storage in GiB.
    pub size_gib: u32,
    /// Multi-AZ.
    pub multi_az: bool,
}

/// A file system as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystemFound {
    /// `fs-…`.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// Encrypted at rest.
    pub encrypted: bool,
    /// Metered size in bytes. Not part of any plan: it changes all the time.
    pub size_bytes: u64,
    /// `available`, ….
    pub status: String,
}

/// Something that either is as needed, or is not for a reason.
pub type Condition = Result<String, String>;

/// The live world as far as a survey asked. What was asked for and is missing is absent from the lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct World {
    /// Account of the identity in use.
    pub account: String,
    /// DB instances found.
    pub databases: Vec<DatabaseFound>,
    /// File systems found.
    pub file_systems: Vec<FileSystemFound>,
    /// Names of secrets under the prefix, sorted.
    pub secrets: Vec<String>,
    /// Primary vault: its ARN, or why it is not usable.
    pub vault: Option<Condition>,
    /// Primary secrets bucket: its name, or why not.
    pub bucket: Option<Condition>,
    /// DR vault: its ARN, or why not.
    pub dr_vault: Option<Condition>,
    /// DR bucket: its name, or why not (for example: no replication rule).
    pub dr_bucket: Option<Condition>,
    /// DR KMS key: its ARN, or why it is not usable there.
    pub dr_key: Option<Condition>,
}
