//! One tenant's rows brought back into a live database: put beside the live ones, looked at, swapped or merged, and taken back.

use serde::{Deserialize, Serialize};

use super::parameters::{Metric, Parameters};
use crate::domain::{derived, environment::Engine};

/// The output with the rows that come back, by table, as JSON: what people see before they agree.
pub const RETURNING: &str = "returning";
/// The output with the rows that live tables have at the least once the rows are back, by table, as JSON.
pub const EXPECTED: &str = "expected";
/// The output with the sums of all other schemas, as JSON.
pub const OTHERS: &str = "others";

/// The longest name of a schema that both kinds of servers take.
const LONGEST: usize = 63;

/// The name of a schema that an operation makes beside a tenant's: `tenant_1__before_rs_12`.
pub fn beside(schema: &str, what: &str, operation: &str) -> String {
    derived::named(schema, &format!("__{what}_{}", operation.replace('-', "_")), LONGEST)
}

/// How rows come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bring {
    /// The tables are swapped as a whole.
    Swap,
    /// Rows that are gone, by primary key.
    Missing,
    /// Those, and the old values of rows that differ.
    Changed,
}

/// A tenant's tables in a live database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantTables {
    /// Region of the database.
    pub region: String,
    /// DB instance identifier.
    pub database: String,
    /// Engine.
    pub engine: Engine,
    /// Secret with its login.
    pub secret: String,
    /// The tenant's schema.
    pub schema: String,
    /// Its tables; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
}

/// Where the rows come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A restored instance, with the login of its source.
    Instance {
        /// Its name.
        instance: String,
    },
    /// An archive of `dump.export`, loaded into a server of the test's own.
    Dump {
        /// Bucket.
        bucket: String,
        /// Object key.
        key: String,
        /// Secret with the login of the server that it is loaded into.
        load: String,
    },
}

macro_rules! of_tenant {
    ($(#[$doc:meta])* $name:ident, $label:literal $(, $(#[$field_doc:meta])* $field:ident: $kind:ty)* $(=> $metric:ident)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name {
            /// Whose tables, and where.
            #[serde(flatten)]
            pub of: TenantTables,
            $($(#[$field_doc])* pub $field: $kind,)*
        }

        impl Parameters for $name {
            fn region(&self) -> Option<&str> {
                Some(&self.of.region)
            }

            fn resource(&self) -> &str {
                &self.of.schema
            }

            fn label(&self) -> &'static str {
                $label
            }

            $(fn metric(&self) -> Option<Metric> {
                Some(Metric::$metric)
            })?
        }
    };
}

of_tenant!(
    /// Copies a tenant's tables beside the live ones and compares them with where they come from. Changes nothing that is live.
    StageTenant,
    "Put tenants' rows beside the live ones",
    /// Where they come from.
    from: Origin,
    /// How they come back.
    bring: Bring
);

of_tenant!(
    /// What bringing the rows back would change, by primary key. Reads only.
    CompareTenant,
    "Compare tenants' rows",
    /// How they come back.
    bring: Bring
);

of_tenant!(
    /// Sums of every schema that is not the tenant's; compared with those of an earlier step where there is one. Reads only.
    SumOthers,
    "Sum other tenants' rows"
);

of_tenant!(
    /// Swaps the tables for the live ones in one statement.
    SwapTenant,
    "Swap tenants' tables"
    => Restore
);

of_tenant!(
    /// Swaps them back.
    SwapTenantBack,
    "Swap tenants' tables back"
);

of_tenant!(
    /// Merges rows back in one transaction.
    MergeTenant,
    "Merge tenants' rows",
    /// Which rows.
    bring: Bring
    => Restore
);

of_tenant!(
    /// Takes merged rows away again, as far as nobody changed them since.
    MergeTenantBack,
    "Take merged rows back"
);

of_tenant!(
    /// Drops what was put beside the live tables. What a way back needs stays.
    ClearTenant,
    "Clear what was put beside tenants' tables"
);

/// Counts a tenant's live tables after a change against what it was to bring back. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyTenant {
    /// Whose tables, and where.
    #[serde(flatten)]
    pub of: TenantTables,
    /// How they came back.
    pub bring: Bring,
    /// Its failure turns the run back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub turns_back: bool,
}

impl Parameters for VerifyTenant {
    fn region(&self) -> Option<&str> {
        Some(&self.of.region)
    }

    fn resource(&self) -> &str {
        &self.of.schema
    }

    fn label(&self) -> &'static str {
        "Count tenants' rows"
    }

    fn turns_back(&self) -> bool {
        self.turns_back
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Validation)
    }
}
