//! Tables swapped as a whole, and swapped back.

use bbws::{
    adapters::sql::{
        Servers,
        merge::{Bring, State, Tenants as _},
    },
    domain::environment::Engine,
};

use super::bed::{Bed, refused};

const STAGED: State = State { staged: true, swapped: false, unswapped: false, merged: false, unmerged: false };
/// Every table of a tenant, those that point at others first.
const ALL: &str = "{t}.wp_postmeta, {t}.wp_posts, {t}.wp_terms, {t}.wp_options, {t}.wp_users";

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_schema_is_swapped_and_swapped_back() {
    for mut bed in Bed::both(300).await {
        let (schema, other) = (bed.tenant.schema.clone(), bed.other.clone());
        let (good, others) = (bed.sums(&schema).await, bed.sums(&other).await);
        bed.run("DELETE FROM {t}.wp_posts; UPDATE {t}.wp_options SET option_value = 'w' WHERE blog = 1; DELETE FROM {t}.wp_terms WHERE term_id = 40; INSERT INTO {t}.wp_terms VALUES (77, 1, 'new')").await;
        let broken = bed.sums(&schema).await;

        let staged = bed.stage(Bring::Swap).await.expect("it is staged");
        assert_eq!(staged.rows["wp_posts"], 300);
        assert_eq!(staged.rows.len(), 5);
        assert_eq!(Servers.state(&bed.live, &bed.tenant).await.unwrap(), STAGED);
        assert_eq!(bed.sums(&schema).await, broken, "nothing live was changed");

        let found = bed.difference(Bring::Swap).await;
        let of = |table: &str| found.tables.iter().find(|t| t.table == table).cloned().expect("it is told");
        assert_eq!((of("wp_posts").vanished, of("wp_postmeta").vanished), (300, 600));
        assert_eq!((of("wp_options").changed, of("wp_terms").vanished, of("wp_terms").came), (34, 1, 1));

        let done = Servers.swap(&bed.live, &bed.tenant).await.expect("it is swapped");
        assert_eq!(done.count, 5, "{done:?}");
        assert_eq!(bed.sums(&schema).await, good);
        assert_eq!(bed.sums(&bed.tenant.before()).await, broken);
        assert_eq!(bed.sums(&other).await, others);
        assert!(Servers.state(&bed.live, &bed.tenant).await.unwrap().swapped);
        let why = refused(Servers.swap(&bed.live, &bed.tenant).await);
        assert!(why.contains("swapped by rs-7 already"), "{why}");
        assert!(refused(bed.stage(Bring::Swap).await).contains("already"));
        // Foreign keys hold within what is live, and numbers go on.
        bed.run("DELETE FROM {t}.wp_posts WHERE post_title LIKE '% 7'").await;
        assert_eq!(bed.rows("{t}.wp_postmeta", "post_id = 7").await, 0);
        bed.run("INSERT INTO {t}.wp_posts (post_title) VALUES ('since')").await;
        assert_eq!(bed.rows("{t}.wp_posts", "id = 301 AND post_title = 'since'").await, 1);
        let since = bed.sums(&schema).await;

        Servers.clear(&bed.live, &bed.tenant).await.unwrap();
        let done = Servers.swap_back(&bed.live, &bed.tenant).await.expect("it is swapped back");
        assert!(done.found[0].contains("__undone_rs_7"), "{done:?}");
        assert_eq!(bed.sums(&schema).await, broken);
        assert_eq!(bed.sums(&bed.tenant.undone()).await, since);
        assert_eq!(bed.sums(&other).await, others);
        assert!(bed.same("clone", String::new()));
        // A number that was given out is not given out again.
        bed.run("INSERT INTO {t}.wp_posts (post_title) VALUES ('after')").await;
        assert_eq!(bed.rows("{t}.wp_posts", "id = 302").await, 1);
        assert!(refused(Servers.swap_back(&bed.live, &bed.tenant).await).contains("already"));
        bed.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn named_tables_are_swapped_and_a_dropped_one_comes_back() {
    for bed in Bed::both(50).await {
        let bed = bed.of(&["wp_options", "wp_terms"]);
        let schema = bed.tenant.schema.clone();
        let good = bed.sums(&schema).await;
        bed.run("DROP TABLE {t}.wp_options; UPDATE {t}.wp_terms SET name = 'x'").await;
        let broken = bed.sums(&schema).await;
        bed.stage(Bring::Swap).await.expect("it is staged");
        let found = bed.difference(Bring::Swap).await;
        assert!(found.notes.iter().any(|n| n == "wp_options is gone as a whole, and comes back."), "{found:?}");
        Servers.swap(&bed.live, &bed.tenant).await.expect("it is swapped");
        assert_eq!(bed.sums(&schema).await, good);
        Servers.swap_back(&bed.live, &bed.tenant).await.expect("it is swapped back");
        assert_eq!(bed.sums(&schema).await, broken);
        bed.leave().await;
    }
}

/// The only named table, or every table: nothing leaves the live schema, and it is known nevertheless what was done.
#[tokio::test(flavor = "multi_thread")]
async fn where_only_what_was_dropped_comes_back_it_is_known_that_it_did() {
    for all in [false, true] {
        for bed in Bed::both(20).await {
            let bed = if all { bed } else { bed.of(&["wp_options"]) };
            let schema = bed.tenant.schema.clone();
            let good = bed.sums(&schema).await;
            if all && bed.engine == Engine::Postgres {
                bed.run("DROP VIEW {t}.published").await;
            }
            let dropped = if all { ALL } else { "{t}.wp_options" };
            bed.run(&format!("DROP TABLE {dropped}")).await;
            bed.stage(Bring::Swap).await.expect("it is staged");
            bed.difference(Bring::Swap).await;
            assert_eq!(bed.state().await, STAGED);
            let done = Servers.swap(&bed.live, &bed.tenant).await.expect("it is swapped");
            assert_eq!(done.count, if all { 5 } else { 1 }, "{done:?}");
            assert_eq!(bed.sums(&schema).await, good);
            let swapped = State { swapped: true, ..STAGED };
            assert_eq!(bed.state().await, swapped);
            // The answer was lost, and it is begun again.
            let why = refused(Servers.swap(&bed.live, &bed.tenant).await);
            assert!(why.contains("swapped by rs-7 already"), "{why}");
            assert!(refused(bed.stage(Bring::Swap).await).contains("already"));
            assert_eq!(bed.sums(&schema).await, good, "what came back is still there");
            assert_eq!(bed.tables(&bed.tenant.before()).await, "", "nothing of the tenant's is kept");
            Servers.clear(&bed.live, &bed.tenant).await.unwrap();
            assert_eq!(bed.state().await, swapped, "what it takes to go back stays");

            let done = Servers.swap_back(&bed.live, &bed.tenant).await.expect("it is swapped back");
            assert!(done.found[0].contains("__undone_rs_7"), "{done:?}");
            let unswapped = State { swapped: false, unswapped: true, ..STAGED };
            assert_eq!(bed.state().await, unswapped);
            let left = if all { "" } else { "wp_postmeta wp_posts wp_terms wp_users" };
            assert_eq!(bed.tables(&schema).await, left, "as it was before");
            let gone = if all { "wp_options wp_postmeta wp_posts wp_terms wp_users" } else { "wp_options" };
            assert_eq!(bed.tables(&bed.tenant.undone()).await, gone);
            assert!(refused(Servers.swap_back(&bed.live, &bed.tenant).await).contains("already"));
            assert_eq!(bed.state().await, unswapped);
            bed.leave().await;
        }
    }
}

/// What the build before this one swapped is known and goes back, whether anything left or nothing did.
#[tokio::test(flavor = "multi_thread")]
async fn a_swap_that_moved_no_table_of_ours_along_is_known_as_well() {
    for dropped in [false, true] {
        let bed = Bed::maria(20).await.of(&["wp_options"]);
        let schema = bed.tenant.schema.clone();
        let good = bed.sums(&schema).await;
        bed.run(if dropped { "DROP TABLE {t}.wp_options" } else { "DELETE FROM {t}.wp_options" }).await;
        let broken = bed.sums(&schema).await;
        bed.stage(Bring::Swap).await.expect("it is staged");
        Servers.swap(&bed.live, &bed.tenant).await.expect("it is swapped");
        bed.run(&format!("DROP TABLE {}.bbws_exchanged", bed.tenant.before())).await;
        assert!(bed.state().await.swapped);
        assert!(refused(Servers.swap(&bed.live, &bed.tenant).await).contains("already"));
        assert_eq!(bed.sums(&schema).await, good);
        Servers.swap_back(&bed.live, &bed.tenant).await.expect("it is swapped back");
        assert_eq!(bed.sums(&schema).await, broken);
        assert!(bed.state().await.unswapped);
        bed.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_left_hanging_is_named_and_refused() {
    for bed in Bed::both(10).await {
        // A foreign key of a table that stays.
        let bed = bed.of(&["wp_posts"]);
        let why = refused(bed.stage(Bring::Swap).await);
        assert!(why.contains("wp_postmeta") && why.contains("--merge missing"), "{why}");
        let mut bed = bed.of(&[]);
        // A foreign key of another schema.
        bed.run("CREATE TABLE {o}.hangs (post int, FOREIGN KEY (post) REFERENCES {t}.wp_terms (term_id))").await;
        let why = refused(bed.stage(Bring::Swap).await);
        assert!(why.contains("hangs"), "{why}");
        bed.run("DROP TABLE {o}.hangs").await;
        // What came after it was staged is found as well.
        bed.stage(Bring::Swap).await.expect("it is staged");
        bed.run("CREATE TABLE {o}.hangs (post int, FOREIGN KEY (post) REFERENCES {t}.wp_terms (term_id))").await;
        let before = bed.sums(&bed.tenant.schema).await;
        assert!(refused(Servers.swap(&bed.live, &bed.tenant).await).contains("hangs"));
        assert!(bed.same("live", before));
        bed.leave().await;
    }
    let bed = Bed::maria(10).await;
    bed.run("CREATE TRIGGER {t}.audit AFTER DELETE ON {t}.wp_posts FOR EACH ROW SET @a = 1").await;
    assert!(refused(bed.stage(Bring::Swap).await).contains("wp_posts has triggers (audit)"));
    let bed = Bed::pg(10).await;
    bed.run("CREATE VIEW {o}.seen AS SELECT * FROM {t}.wp_options").await;
    let why = refused(bed.stage(Bring::Swap).await);
    assert!(why.contains("view tenant_2.seen"), "{why}");
    bed.run("DROP VIEW {o}.seen; CREATE PUBLICATION p FOR TABLE {t}.wp_options").await;
    assert!(refused(bed.stage(Bring::Swap).await).contains("publication"));
    let bed = Bed::pg(10).await.of(&["wp_users", "wp_posts", "wp_postmeta"]);
    let why = refused(bed.stage(Bring::Swap).await);
    assert!(why.contains("type tenant_1.status") && why.contains("touch()") && why.contains("published"), "{why}");
}

/// A clone that changes while it is copied is not what was looked at.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_staged_from_the_live_server_itself_or_from_another_version() {
    for bed in Bed::both(10).await {
        let mut bed = bed;
        bed.clone = bed.live.clone();
        let why = refused(bed.stage(Bring::Missing).await);
        assert!(why.contains("live server itself"), "{why}");
        bed.leave().await;
    }
    // Another name of the same server.
    let mut bed = Bed::maria(10).await;
    bed.clone = bed.live.clone();
    bed.clone.host = "localhost".into();
    let why = refused(bed.stage(Bring::Missing).await);
    assert!(why.contains("are one server"), "{why}");
    bed.leave().await;
}
