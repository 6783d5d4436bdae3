//! Whether a platform serves where it runs: what was looked at from outside and from inside, and what to do about what is not well.

use super::readiness::Found;

/// One look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// What was looked at: an address, a record, a database.
    pub subject: String,
    /// What was found.
    pub found: Found,
    /// What to do where that is not well; a sentence.
    pub next: String,
}

impl Looked {
    /// Whether it is as it has to be. What is unknown is not.
    pub fn well(&self) -> bool {
        matches!(self.found, Found::Ready(_))
    }
}

/// What the looks come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// All of them are well.
    Valid,
    /// One of them certainly is not.
    NotValid,
    /// None certainly is not, and of one nobody knows; or nothing was looked at.
    Unknown,
}

impl Serves {
    /// Of these looks.
    pub fn of(looked: &[Looked]) -> Serves {
        if looked.iter().any(|look| matches!(look.found, Found::Lacking(_))) {
            Serves::NotValid
        } else if !looked.is_empty() && looked.iter().all(Looked::well) {
            Serves::Valid
        } else {
            Serves::Unknown
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Serves::Valid => "VALID",
            Serves::NotValid => "NOT VALID",
            Serves::Unknown => "UNKNOWN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_never_valid() {
        let look = |found: Found| Looked { subject: "it".into(), found, next: "Look.".into() };
        let (well, ill, unknown) =
            (Found::Ready("is".into()), Found::Lacking("is not".into()), Found::Unknown("no answer".into()));
        for (found, serves) in [
            (vec![], Serves::Unknown),
            (vec![&well], Serves::Valid),
            (vec![&well, &unknown], Serves::Unknown),
            (vec![&unknown, &ill], Serves::NotValid),
            (vec![&well, &ill], Serves::NotValid),
        ] {
            let looked: Vec<Looked> = found.into_iter().cloned().map(look).collect();
            assert_eq!(Serves::of(&looked), serves, "{looked:?}");
        }
    }
}
