//! 100,000 recovery points, in the fewest calls and little memory; `cargo bench --bench inventory` times the same.

#[path = "../bench/vaults.rs"]
mod vaults;

const POINTS: usize = 50_000;

#[test]
#[ignore = "a server for the test below, which starts it"]
fn serve() {
    vaults::serve(POINTS);
}

#[tokio::test]
async fn a_hundred_thousand_points_are_listed_in_the_fewest_calls_and_little_memory() {
    let mut server = vaults::Server::start(&["--exact", "aws::inventory::serve", "--ignored", "--nocapture"]);
    let found = vaults::measure(&mut server, POINTS).await;
    println!("{} points in {:?}", found.points, found.time);
    assert_eq!(found.verdict(POINTS), Ok(()), "{found:?}");
    assert_eq!(found.largest_page, 1000);
}
