//! The Redis clients of `docs/stores.md` that the app makes itself.
use okibi::RedisStore;
use redis::{
    Client, RedisError,
    cluster::ClusterClient,
    sentinel::{SentinelClient, SentinelServerType},
};

pub async fn by_a_connection_of_the_app(client: Client) -> Result<RedisStore, RedisError> {
    Ok(RedisStore::new(client.get_connection_manager().await?))
}

pub async fn to_a_cluster() -> Result<RedisStore, RedisError> {
    let client = ClusterClient::new(["redis://node-1:6379", "redis://node-2:6379"])?;
    RedisStore::cluster(&client).await
}

pub async fn to_the_master_that_sentinels_name() -> Result<RedisStore, RedisError> {
    let sentinels = vec!["redis://sentinel-1:26379", "redis://sentinel-2:26379"];
    let client = SentinelClient::build(sentinels, "mymaster".to_owned(), None, SentinelServerType::Master)?;
    RedisStore::sentinel(client).await
}
