//! What only the inside can show: which index each statement goes by.

use okibi_servers::MariaDbServer;
use sqlx::{AssertSqlSafe, MySqlPool, Row};

use crate::{MysqlStore, sql};

/// The indexes that a statement goes by, as the server plans it.
async fn indexes(pool: &MySqlPool, statement: &str) -> Vec<Option<String>> {
    let statement = statement.replace("owner = ?", "owner = 'owner 7'");
    // Placeholder values of these statements: a number also works as a string.
    let statement = format!("EXPLAIN FORMAT = TRADITIONAL {}", statement.replace('?', "'2000'"));
    let statement = statement.replace("LIMIT '2000'", "LIMIT 200");
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(pool).await.unwrap();
    rows.iter().map(|row| row.get("key")).collect()
}

#[tokio::test]
async fn every_statement_goes_by_an_index_in_a_small_table_and_in_a_large_one() {
    let server = MariaDbServer::start().unwrap();
    let pool = MySqlPool::connect(&server.url()).await.unwrap();
    MysqlStore::new(pool.clone()).migrate().await.unwrap();
    let keys: Vec<String> = (0..200).map(|at| format!("'session:{at}'")).collect();
    let purge = format!("{}{})", sql::PURGE, keys.join(", "));
    for rows in [3, 5000] {
        let row = |at| format!("('session:{at}', 'x', {}, 'owner {}')", at * 7, at % 1000);
        let insert = (0..rows).map(row).collect::<Vec<_>>().join(", ");
        let insert = format!(
            "TRUNCATE okibi_sessions; INSERT INTO okibi_sessions VALUES {insert}; ANALYZE TABLE okibi_sessions"
        );
        sqlx::raw_sql(AssertSqlSafe(insert)).execute(&pool).await.unwrap();
        for (statement, index) in [
            (sql::LOAD, "PRIMARY"),
            (sql::LOOK, "PRIMARY"),
            (sql::TAKE, "PRIMARY"),
            (sql::REPLACE, "PRIMARY"),
            (sql::DELETE, "PRIMARY"),
            (&purge, "PRIMARY"),
            (sql::EXPIRED, "okibi_sessions_expires_at"),
            (sql::LIST, "okibi_sessions_owner"),
        ] {
            let used = indexes(&pool, statement).await;
            // No index at all means that the server has seen already that there is no such row.
            // What reads without locking may go any way in a small table.
            let fits = |used: &Option<String>| used.as_deref().is_none_or(|used| used == index);
            assert!(used.iter().all(fits) || rows == 3 && index != "PRIMARY", "{statement}: {used:?}");
            if rows > 3 && (index != "PRIMARY" || statement == purge) {
                assert_eq!(used, [Some(index.to_owned())], "{statement}");
            }
        }
    }
}
