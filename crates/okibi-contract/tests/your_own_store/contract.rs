//! The test that docs/your-own-store.md shows.
use my_store::TableStore;
use okibi_contract::Contract;

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let open = || TableStore::open(&folder.path().join("sessions.db")).unwrap();
    Contract::new(open())
        .another(open()) // the instance of a second process
        .spawn(|task| drop(tokio::spawn(task))) // on all threads of the runtime: races are real
        .run()
        .await
        .assert_kept();
}
