//! The search for the last point that answers rightly is right, and asks no more than it may.

use bbws::domain::bisect::{Answer, Answers, WIDTH, found, next, rounds};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Runs a search to its end; `truth` answers. How many were asked, in how many rounds, and what was found.
fn search(points: usize, truth: impl Fn(usize) -> Answer) -> (usize, usize, Answers) {
    let (mut answers, mut rounds_used, mut asked) = (Answers::new(), 0, 0);
    for _ in 0..rounds(points) {
        let chosen = next(points, &answers);
        if chosen.is_empty() {
            break;
        }
        assert!(chosen.len() <= WIDTH && chosen.is_sorted() && chosen.iter().all(|at| *at < points));
        rounds_used += 1;
        for at in chosen {
            assert!(answers.insert(at, truth(at)).is_none(), "{at} is asked once");
            asked += 1;
        }
    }
    (asked, rounds_used, answers)
}

#[test]
fn of_sixty_four_points_three_rounds_of_three_find_the_last_right_one() {
    assert_eq!(rounds(64), 3);
    assert_eq!([1, 2, 4, 5, 16, 17, 65, 256, 1024].map(rounds), [1, 1, 1, 2, 2, 3, 4, 4, 5]);
    // Right ones are those before the first wrong one; the oldest may be wrong itself.
    for first_wrong in 0..=64usize {
        let (asked, used, answers) = search(64, |at| if at < first_wrong { Answer::Right } else { Answer::Wrong });
        assert!(asked <= 9 && used <= 3, "{first_wrong}: {asked} in {used}");
        let found = found(64, &answers);
        assert!(!found.mixed);
        match first_wrong {
            // Sixty-four outcomes are all that nine restores can tell apart: the oldest is the one nobody asks.
            0 | 1 => assert_eq!((found.right, found.unasked), (None, vec![0])),
            _ => {
                assert!(found.exact(), "{first_wrong}: {found:?}");
                assert_eq!(found.right, Some(first_wrong - 1));
                assert_eq!(found.wrong, (first_wrong < 64).then_some(first_wrong));
            }
        }
    }
}

#[test]
fn a_thousand_seeds_with_corruption_at_a_random_point_are_all_right() {
    for seed in 0..1_000u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        let points = rng.random_range(1..=300usize);
        let first_wrong = rng.random_range(0..=points);
        // Every third seed has points that give no answer.
        let sprinkled = if seed.is_multiple_of(3) { rng.random_range(1..40u32) } else { 0 };
        let mute: Vec<bool> = (0..points).map(|_| rng.random_range(0..100u32) < sprinkled).collect();
        let truth = |at: usize| match (mute[at], at < first_wrong) {
            (true, _) => Answer::Unknown,
            (false, true) => Answer::Right,
            (false, false) => Answer::Wrong,
        };
        let (asked, used, answers) = search(points, truth);
        assert!(used <= rounds(points) && asked <= WIDTH * rounds(points), "seed {seed}");
        let found = found(points, &answers);
        assert!(!found.mixed, "seed {seed}");
        // What is said to be right is right, and what is said to be wrong is wrong, whatever gave no answer.
        assert!(found.right.is_none_or(|at| at < first_wrong), "seed {seed}: {found:?}");
        assert!(found.wrong.is_none_or(|at| at >= first_wrong), "seed {seed}: {found:?}");
        // The truth is never outside of what is left open.
        let last_right = first_wrong.checked_sub(1);
        let open = |at: &usize| found.unasked.contains(at) || found.unanswered.contains(at);
        assert!(last_right == found.right || last_right.as_ref().is_some_and(open), "seed {seed}: {found:?}");
        if sprinkled == 0 {
            let known = found.exact() || (found.right.is_none() && found.unasked == [0]);
            assert!(known, "seed {seed}: {points} points, {found:?}");
        }
    }
}

#[test]
fn what_gives_no_answer_widens_the_range_and_is_told() {
    let mute = |at: usize| match at {
        30..=34 => Answer::Unknown,
        at if at < 32 => Answer::Right,
        _ => Answer::Wrong,
    };
    let (_, _, answers) = search(64, mute);
    let found = found(64, &answers);
    assert!(!found.exact() && !found.unanswered.is_empty(), "{found:?}");
    assert!(found.right < Some(32) && found.wrong > Some(31), "{found:?}");
    let none = search(5, |_| Answer::Unknown).2;
    assert!(next(5, &none).is_empty(), "everything was asked");
}

#[test]
fn right_after_wrong_is_said_and_the_last_right_one_counts() {
    let answers = Answers::from([(3, Answer::Wrong), (7, Answer::Right), (9, Answer::Wrong)]);
    let found = found(12, &answers);
    assert_eq!((found.right, found.wrong, found.mixed), (Some(7), Some(9), true));
    assert_eq!(found.unasked, [8]);
}
