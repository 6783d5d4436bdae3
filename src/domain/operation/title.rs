//! What people call an operation: one sentence for card, thread, list and SNS alike.

use super::{Operation, resume};

impl Operation {
    /// `Backup of prod (full)`, in plain text; not escaped.
    pub fn title(&self) -> String {
        let environment = if self.environment() == "*" { "all environments" } else { self.environment() };
        let scope = self.plan.scope.as_str();
        match self.kind() {
            resume::KIND if scope == "*" => "Lift the stop of every environment".to_owned(),
            resume::KIND => format!("Lift the stop of {scope}"),
            "backup.delete" => format!("Delete {scope} of {environment}"),
            "backup.hold" if self.plan.releases() => format!("Release the hold on {scope} of {environment}"),
            "backup.hold" => format!("Hold {scope} of {environment}"),
            "backup.cleanup" => format!("Clean up {scope} in {environment}"),
            "backup.validate" => format!("Validation of {environment}{}", self.narrowed()),
            "backup.schedule" => format!("Schedule of {environment}{}", self.narrowed()),
            "backup.create" => format!("Backup of {environment}{}", self.narrowed()),
            kind => format!("{} of {environment}{}", spoken(kind), self.narrowed()),
        }
    }

    fn narrowed(&self) -> String {
        let scope = Some(self.plan.scope.clone()).filter(|s| !s.is_empty());
        let tenant = self.plan.tenant.as_ref().filter(|t| **t != self.plan.scope).map(|t| format!("tenant {t}"));
        let parts: Vec<String> = scope.into_iter().chain(tenant).collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    }
}

/// `backup.restore` as `Restore`, `report.send` as `Send report`.
fn spoken(kind: &str) -> String {
    let (noun, verb) = kind.split_once('.').unwrap_or(("", kind));
    let verb = verb.replace(['_', '.'], " ");
    let mut letters = verb.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    match (noun, verb.as_str()) {
        ("backup", "restore") | ("dr", _) => format!("{first}{}", letters.as_str()),
        _ => format!("{first}{} {noun}", letters.as_str()).trim_end().to_owned(),
    }
}
