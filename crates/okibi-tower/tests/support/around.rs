//! A memory store that runs a test's code around its calls.

use okibi_store::{
    BoxFuture, Consistency, Loaded, MemoryStore, Owner, OwnerIndex, Owners, Store, StoreError, StoreKey, Swap, Write,
};

/// A call of the store.
#[derive(Clone, Copy)]
pub enum Call<'a> {
    Load(&'a StoreKey),
    Swap(&'a StoreKey, &'a Write),
    Delete(&'a StoreKey),
    List(&'a Owner),
}

/// The code around the calls.
pub trait Hooks: Send + Sync + 'static {
    /// Whether the store has an index of owners.
    const LISTS: bool = true;

    /// Called before each call.
    fn note(&self, _: Call<'_>) {}

    /// Awaited before each call.
    fn wait(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// Changes the keys of a list.
    fn listed(&self, keys: Vec<StoreKey>) -> BoxFuture<'_, Vec<StoreKey>> {
        Box::pin(async { keys })
    }
}

#[derive(Default)]
pub struct Around<D> {
    pub memory: MemoryStore,
    pub hooks: D,
}

impl<D: Hooks> Around<D> {
    pub fn new(hooks: D) -> Self {
        Self { memory: MemoryStore::new(), hooks }
    }

    async fn before(&self, call: Call<'_>) {
        self.hooks.note(call);
        self.hooks.wait().await;
    }
}

impl<D: Hooks> Store for Around<D> {
    async fn load(&self, key: &StoreKey) -> Result<Option<Loaded>, StoreError> {
        self.before(Call::Load(key)).await;
        self.memory.load(key).await
    }

    async fn swap(&self, key: &StoreKey, expected: Option<&[u8]>, write: Write) -> Result<Swap, StoreError> {
        self.before(Call::Swap(key, &write)).await;
        self.memory.swap(key, expected, write).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<(), StoreError> {
        self.before(Call::Delete(key)).await;
        self.memory.delete(key).await
    }

    fn consistency(&self) -> Consistency {
        self.memory.consistency()
    }

    fn owners(&self) -> Option<Owners<'_>> {
        if D::LISTS { Some(self) } else { None }
    }
}

impl<D: Hooks> OwnerIndex for Around<D> {
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>> {
        Box::pin(async move {
            self.before(Call::List(owner)).await;
            let keys = self.memory.list(owner).await?;
            Ok(self.hooks.listed(keys).await)
        })
    }
}
