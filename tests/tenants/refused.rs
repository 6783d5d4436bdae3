//! What cannot be merged is named, with what to do instead.

use bbws::adapters::sql::merge::Bring;

use super::bed::{Bed, refused};

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_cannot_be_merged_are_named() {
    for bed in Bed::both(10).await {
        let add = "CREATE TABLE {t}.keyless (a int); CREATE TABLE {t}.gone (a int PRIMARY KEY)";
        bed.run_in_clone(add).await;
        bed.run("CREATE TABLE {t}.keyless (a int)").await;
        let why = refused(bed.stage(Bring::Missing).await);
        assert!(why.contains("keyless has no primary key") && why.contains("gone is gone as a whole"), "{why}");
        assert!(why.contains("--tables wp_options,wp_postmeta,wp_posts,wp_terms,wp_users"), "{why}");
        // The advice works.
        let bed = bed.of(&["wp_options", "wp_postmeta", "wp_posts", "wp_terms", "wp_users"]);
        bed.stage(Bring::Missing).await.expect("what is advised works");
        let bed = bed.of(&["nothing"]);
        assert!(refused(bed.stage(Bring::Missing).await).contains("nothing is not in the backup"));

        let bed = bed.of(&["wp_options"]);
        bed.run("ALTER TABLE {t}.wp_options ADD COLUMN extra int").await;
        bed.stage(Bring::Missing).await.expect("a column more does no harm");
        bed.run("ALTER TABLE {t}.wp_options DROP COLUMN option_value").await;
        let staged = bed.stage(Bring::Missing).await.expect("a column less is told");
        assert!(staged.notes[0].contains("wp_options has no option_value any more"), "{staged:?}");
        bed.run("DELETE FROM {t}.wp_options; ALTER TABLE {t}.wp_options ADD COLUMN needed int NOT NULL").await;
        let why = refused(bed.stage(Bring::Missing).await);
        assert!(why.contains("has needed since, which has no default"), "{why}");
        bed.leave().await;
    }
    let bed = Bed::maria(10).await;
    bed.run("CREATE TRIGGER {t}.audit AFTER INSERT ON {t}.wp_posts FOR EACH ROW SET @a = 1; ALTER TABLE {t}.wp_terms ENGINE = InnoDB, MODIFY name varchar(80)").await;
    let why = refused(bed.stage(Bring::Missing).await);
    assert!(why.contains("wp_posts has triggers, which would fire (audit)"), "{why}");
    assert!(why.contains("wp_terms has name as varchar(80)"), "{why}");
    bed.leave().await;
}

/// Rows of the clone that do not fit the live table: the server's words about them have their values in them.
#[tokio::test(flavor = "multi_thread")]
async fn no_value_of_a_row_is_told_when_a_server_refuses_it() {
    for bed in Bed::both(10).await {
        let bed = bed.of(&["wp_users"]);
        let check = match bed.engine {
            bbws::domain::environment::Engine::Postgres => "NOT VALID",
            _ => "",
        };
        bed.run("DELETE FROM {t}.wp_users WHERE id = 1").await;
        bed.run(&format!(
            "ALTER TABLE {{t}}.wp_users ADD CONSTRAINT mail CHECK (user_email NOT LIKE '%Private%') {check}"
        ))
        .await;
        bed.stage(Bring::Missing).await.expect("it is staged");
        let found = bed.difference(Bring::Missing).await;
        let why = bed.merge(Bring::Missing, &found).await.expect_err("a check is in the way");
        assert!(why.to_string().contains("ERROR") && why.to_string().contains("Nothing was changed"), "{why}");
        bed.leave().await;
    }
}
