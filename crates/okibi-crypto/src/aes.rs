//! AES in the two modes that Iron uses, and for WebAssembly a way to use `RustCrypto`'s that takes less room.

use alloc::vec::Vec;
use core::fmt;

use ::aes::{Aes128, Aes192, Aes256};
use cbc::cipher::{
    Array, Block, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, BlockSizeUser, InOut, InnerIvInit,
    KeyInit, ParBlocks, ParBlocksSizeUser, StreamCipherCore, array::ArraySize, block_padding::Pkcs7, consts::U16,
};
use ctr::{CtrCore, flavors::Ctr128BE};

/// The bytes of a block.
const BLOCK: usize = 16;

/// AES with a key and a mode, ready for one text. The key is wiped when this is dropped.
pub struct Aes(Mode);

enum Mode {
    /// Blocks are chained, with PKCS#7 padding.
    Cbc(Long),
    /// A counter makes a key stream; nothing is padded.
    Ctr(Any),
}

impl Aes {
    /// AES-256 in CBC mode with PKCS#7 padding; `None` if the key has not 32 bytes.
    pub fn cbc(key: &[u8]) -> Option<Self> {
        Long::new(key).map(|aes| Self(Mode::Cbc(aes)))
    }

    /// AES in CTR mode, a counter of 128 bits; `None` if the key has not 16, 24 or 32 bytes.
    pub fn ctr(key: &[u8]) -> Option<Self> {
        Any::new(key).map(|aes| Self(Mode::Ctr(aes)))
    }

    /// The text, encrypted. `None` never happens: there is room for the padding.
    pub fn encrypt(self, iv: &[u8; BLOCK], text: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = Vec::with_capacity(text.len() + BLOCK);
        buffer.extend_from_slice(text);
        match self.0 {
            Mode::Cbc(aes) => {
                buffer.resize(text.len() + BLOCK - text.len() % BLOCK, 0);
                let cipher = cbc::Encryptor::inner_iv_init(aes, iv.into());
                cipher.encrypt_padded::<Pkcs7>(&mut buffer, text.len()).ok()?;
            }
            Mode::Ctr(aes) => keystream(aes, iv, &mut buffer),
        }
        Some(buffer)
    }

    /// Decrypts in place. `None` if the padding is wrong, which must only ever be looked at behind a MAC that was right.
    pub fn decrypt(self, iv: &[u8; BLOCK], mut buffer: Vec<u8>) -> Option<Vec<u8>> {
        match self.0 {
            Mode::Cbc(aes) => {
                let cipher = cbc::Decryptor::inner_iv_init(aes, iv.into());
                let length = cipher.decrypt_padded::<Pkcs7>(&mut buffer).ok()?.len();
                buffer.truncate(length);
            }
            Mode::Ctr(aes) => keystream(aes, iv, &mut buffer),
        }
        Some(buffer)
    }
}

impl fmt::Debug for Aes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aes(hidden)")
    }
}

/// Encrypts or decrypts in place: with a counter both are the same.
fn keystream(aes: Any, iv: &[u8; BLOCK], buffer: &mut [u8]) {
    CtrCore::<_, Ctr128BE>::inner_iv_init(aes, iv.into()).apply_keystream_partial(buffer.into());
}

/// AES with a key of any of its three lengths.
enum Any {
    Short(Aes128),
    Middle(Aes192),
    Long(Long),
}

impl Any {
    fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Aes128::new_from_slice(key).ok().map(Self::Short),
            24 => Aes192::new_from_slice(key).ok().map(Self::Middle),
            _ => Long::new(key).map(Self::Long),
        }
    }
}

impl BlockSizeUser for Any {
    type BlockSize = U16;
}

impl BlockCipherEncrypt for Any {
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = U16>) {
        match self {
            Self::Short(aes) => aes.encrypt_with_backend(Batched(f)),
            Self::Middle(aes) => aes.encrypt_with_backend(Batched(f)),
            Self::Long(aes) => aes.encrypt_with_backend(f),
        }
    }
}

/// AES-256, for the mode that decrypts as well.
struct Long(Aes256);

impl Long {
    fn new(key: &[u8]) -> Option<Self> {
        Aes256::new_from_slice(key).ok().map(Self)
    }
}

impl BlockSizeUser for Long {
    type BlockSize = U16;
}

impl BlockCipherEncrypt for Long {
    fn encrypt_with_backend(&self, f: impl BlockCipherEncClosure<BlockSize = U16>) {
        self.0.encrypt_with_backend(Batched(f));
    }
}

impl BlockCipherDecrypt for Long {
    fn decrypt_with_backend(&self, f: impl BlockCipherDecClosure<BlockSize = U16>) {
        self.0.decrypt_with_backend(Batched(f));
    }
}

/// What is to be done with a cipher.
///
/// In software AES works on four blocks at once in 64-bit words, and on a single block in 16-bit words, which WebAssembly
/// has not. So there a single block goes through a batch, which is no slower, and the module need not hold both ways; and
/// all key lengths share the code of the modes behind a `dyn`. Elsewhere the processor's own instructions are at work.
struct Batched<F>(F);

impl<F: BlockSizeUser> BlockSizeUser for Batched<F> {
    type BlockSize = F::BlockSize;
}

impl<F: BlockCipherEncClosure> BlockCipherEncClosure for Batched<F> {
    fn call<B: BlockCipherEncBackend<BlockSize = Self::BlockSize>>(self, backend: &B) {
        if cfg!(target_arch = "wasm32") {
            let batch = |blocks: &mut ParBlocks<B>| backend.encrypt_par_blocks(blocks.into());
            self.0.call(&Batches::<Self::BlockSize, B::ParBlocksSize>(&batch));
        } else {
            self.0.call(backend);
        }
    }
}

impl<F: BlockCipherDecClosure> BlockCipherDecClosure for Batched<F> {
    fn call<B: BlockCipherDecBackend<BlockSize = Self::BlockSize>>(self, backend: &B) {
        if cfg!(target_arch = "wasm32") {
            let batch = |blocks: &mut ParBlocks<B>| backend.decrypt_par_blocks(blocks.into());
            self.0.call(&Batches::<Self::BlockSize, B::ParBlocksSize>(&batch));
        } else {
            self.0.call(backend);
        }
    }
}

/// `N` blocks of `S` bytes.
type Batch<S, N> = Array<Array<u8, S>, N>;

/// A backend that has nothing but a function on a batch.
struct Batches<'a, S: ArraySize, N: ArraySize>(&'a dyn Fn(&mut Batch<S, N>));

impl<S: ArraySize, N: ArraySize> Batches<'_, S, N> {
    /// Of the batch only the first block counts.
    fn single(&self, mut block: InOut<'_, '_, Block<Self>>) {
        let mut blocks = Batch::<S, N>::default();
        if let Some(first) = blocks.first_mut() {
            first.clone_from(block.get_in());
            (self.0)(&mut blocks);
        }
        if let Some(first) = blocks.first() {
            block.get_out().clone_from(first);
        }
    }

    fn batch(&self, mut blocks: InOut<'_, '_, Batch<S, N>>) {
        let mut batch = blocks.clone_in();
        (self.0)(&mut batch);
        *blocks.get_out() = batch;
    }
}

impl<S: ArraySize, N: ArraySize> BlockSizeUser for Batches<'_, S, N> {
    type BlockSize = S;
}

impl<S: ArraySize, N: ArraySize> ParBlocksSizeUser for Batches<'_, S, N> {
    type ParBlocksSize = N;
}

impl<S: ArraySize, N: ArraySize> BlockCipherEncBackend for Batches<'_, S, N> {
    fn encrypt_block(&self, block: InOut<'_, '_, Block<Self>>) {
        self.single(block);
    }

    fn encrypt_par_blocks(&self, blocks: InOut<'_, '_, ParBlocks<Self>>) {
        self.batch(blocks);
    }
}

impl<S: ArraySize, N: ArraySize> BlockCipherDecBackend for Batches<'_, S, N> {
    fn decrypt_block(&self, block: InOut<'_, '_, Block<Self>>) {
        self.single(block);
    }

    fn decrypt_par_blocks(&self, blocks: InOut<'_, '_, ParBlocks<Self>>) {
        self.batch(blocks);
    }
}
