//! A store in memory, around whose calls a test does something.

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

/// What a test does around the calls.
pub trait Doing: Send + Sync + 'static {
    /// Whether the store has an index of owners.
    const LISTS: bool = true;

    /// Told of each call before it is made.
    fn note(&self, _: Call<'_>) {}

    /// Waited for before each call.
    fn wait(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// What becomes of the keys on a list.
    fn listed(&self, keys: Vec<StoreKey>) -> BoxFuture<'_, Vec<StoreKey>> {
        Box::pin(async { keys })
    }
}

#[derive(Default)]
pub struct Around<D> {
    pub memory: MemoryStore,
    pub doing: D,
}

impl<D: Doing> Around<D> {
    pub fn new(doing: D) -> Self {
        Self { memory: MemoryStore::new(), doing }
    }

    async fn before(&self, call: Call<'_>) {
        self.doing.note(call);
        self.doing.wait().await;
    }
}

impl<D: Doing> Store for Around<D> {
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

impl<D: Doing> OwnerIndex for Around<D> {
    fn list<'a>(&'a self, owner: &'a Owner) -> BoxFuture<'a, Result<Vec<StoreKey>, StoreError>> {
        Box::pin(async move {
            self.before(Call::List(owner)).await;
            let keys = self.memory.list(owner).await?;
            Ok(self.doing.listed(keys).await)
        })
    }
}
