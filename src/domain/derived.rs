//! Names made of another name and an ending that says what for. Where AWS takes fewer characters the front is shortened, the
//! same way every time, and the ending kept: by it a thing is known to be ours.

use sha2::{Digest as _, Sha256};

/// The longest id of a DB instance.
pub const INSTANCE: usize = 63;
/// Characters of the mark by which two shortened names of different fronts differ.
const MARK: usize = 6;

/// `front` and `ending`, in at most `longest` characters.
pub fn named(front: &str, ending: &str, longest: usize) -> String {
    if front.len() + ending.len() <= longest {
        return format!("{front}{ending}");
    }
    let mark = &hex::encode(Sha256::digest(front))[..MARK];
    let room = longest.saturating_sub(ending.len() + MARK + 1);
    // AWS takes neither two hyphens in a row nor anything but ASCII.
    let kept = front.get(..room).unwrap_or_default().trim_end_matches('-');
    format!("{kept}-{mark}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_front_is_shortened_the_same_way_every_time_and_the_ending_kept() {
        let front = "a-database-with-an-id-of-fifty-four-characters-in-prod";
        assert_eq!(front.len(), 54);
        let name = named(front, "-restored-vl-17", INSTANCE);
        assert_eq!(name, named(front, "-restored-vl-17", INSTANCE));
        assert!(name.len() <= INSTANCE && name.ends_with("-restored-vl-17"), "{name}");
        assert!(!name.contains("--") && name.starts_with("a-database-with-an-id-of-fifty"), "{name}");
        let other = named(&front.replace("prod", "test"), "-restored-vl-17", INSTANCE);
        assert_ne!(name, other, "they share all that is kept");
        assert_eq!(named("short", "-restored-vl-17", INSTANCE), "short-restored-vl-17");
        for room in 40..INSTANCE {
            let cut = named("ab-cd-ef-gh-ij-kl-mn-op-qr-st-uv-wx-yz-ab-cd-ef-gh-ij-kl-mn-op", "-restored-vl-17", room);
            assert!(cut.len() <= room && !cut.contains("--"), "{cut}");
        }
    }
}
