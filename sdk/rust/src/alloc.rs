//! The plugin's memory. A page of a thousand records is some ten thousand short texts, made, handed
//! over and freed one by one; with the allocator that comes with the target, they take a third of a
//! plugin's time.
//!
//! Small blocks come in sizes that are multiples of 16 bytes. Freed ones wait in a list of their
//! size, so that taking and giving back are two loads and a store; what was never used is cut from
//! chunks. Everything else is the target's own allocator's, which joins what is freed.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::{self, NonNull};

/// Sizes are multiples of it, and all blocks are aligned to it.
const STEP: usize = 16;
/// Larger blocks are few and would be wasteful to keep apart by size.
const LARGEST: usize = 1024;
/// What is taken from below at once: little against a plugin's memory, and pages that nothing
/// touches cost nothing.
const CHUNK_BYTES: usize = 256 << 10;
const SIZES: usize = LARGEST / STEP;

/// A freed block. The list's end is null.
struct Free {
    next: *mut Free,
}

struct State {
    /// Freed blocks by size, the first for [`STEP`] bytes.
    free: [*mut Free; SIZES],
    /// What is left of the newest chunk.
    from: *mut u8,
    to: *mut u8,
}

/// See the module. For one thread, as a component is.
pub struct Heap<A> {
    below: A,
    state: UnsafeCell<State>,
}

// SAFETY: a component has one thread, and only there is a heap shared; tests keep theirs to
// themselves.
unsafe impl<A: Sync> Sync for Heap<A> {}

impl<A> Heap<A> {
    /// An empty heap over another allocator.
    pub const fn over(below: A) -> Self {
        Self {
            below,
            state: UnsafeCell::new(State {
                free: [ptr::null_mut(); SIZES],
                from: ptr::null_mut(),
                to: ptr::null_mut(),
            }),
        }
    }
}

/// The number of the size that holds the layout; `None` for what is not kept here. Only layouts of
/// more than no bytes are asked for.
#[inline]
fn size_of(layout: Layout) -> Option<usize> {
    let small = layout.size() <= LARGEST && layout.align() <= STEP;
    small.then(|| layout.size().wrapping_sub(1) / STEP)
}

impl<A: GlobalAlloc> Heap<A> {
    /// A block that was never used.
    #[cold]
    fn cut(&self, state: &mut State, bytes: usize) -> *mut u8 {
        if (state.to as usize) - (state.from as usize) < bytes {
            let Ok(layout) = Layout::from_size_align(CHUNK_BYTES, STEP) else {
                return ptr::null_mut();
            };
            // SAFETY: the layout is not empty.
            let Some(chunk) = NonNull::new(unsafe { self.below.alloc(layout) }) else {
                return ptr::null_mut();
            };
            // What is left of the chunk before is less than one block, and stays unused.
            state.from = chunk.as_ptr();
            state.to = chunk.as_ptr().wrapping_add(CHUNK_BYTES);
        }
        let block = state.from;
        state.from = block.wrapping_add(bytes);
        block
    }
}

// SAFETY: a block of a size is cut once from a chunk that nothing else uses, is aligned to `STEP`,
// as long as its size, and in a list only between being freed and being taken again. Which of the
// two allocators a block belongs to follows from its layout, which is the same at both calls.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Heap<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(size) = size_of(layout) else {
            // SAFETY: the caller's promise, handed on.
            return unsafe { self.below.alloc(layout) };
        };
        // SAFETY: one thread, and nothing in here calls back.
        let state = unsafe { &mut *self.state.get() };
        let block = state.free[size];
        if block.is_null() {
            return self.cut(state, (size + 1) * STEP);
        }
        // SAFETY: what is in a list is a block that `dealloc` wrote a `Free` into.
        state.free[size] = unsafe { (*block).next };
        block.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(size) = size_of(layout) else {
            // SAFETY: the caller's promise, handed on.
            return unsafe { self.below.dealloc(block, layout) };
        };
        // SAFETY: one thread, and nothing in here calls back.
        let state = unsafe { &mut *self.state.get() };
        let freed: *mut Free = block.cast();
        // SAFETY: the block is ours again, aligned to `STEP` and at least as long as a `Free`.
        unsafe {
            freed.write(Free {
                next: state.free[size],
            });
        }
        state.free[size] = freed;
    }

    // SAFETY: what is returned holds the old content, and the old block is ours again.
    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller promises that `bytes` is not zero and does not overflow.
        let wanted = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
        match (size_of(layout), size_of(wanted)) {
            (Some(before), Some(now)) if before == now => block,
            // SAFETY: the caller's promise, handed on.
            (None, None) => unsafe { self.below.realloc(block, layout, bytes) },
            _ => {
                // SAFETY: the new block does not overlap the old one, and both hold what is copied.
                unsafe {
                    let moved = self.alloc(wanted);
                    if !moved.is_null() {
                        ptr::copy_nonoverlapping(block, moved, layout.size().min(bytes));
                        self.dealloc(block, layout);
                    }
                    moved
                }
            }
        }
    }
}

#[cfg(all(target_arch = "wasm32", feature = "allocator"))]
#[global_allocator]
static HEAP: Heap<std::alloc::System> = Heap::over(std::alloc::System);

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use proptest::prelude::*;

    use super::*;

    /// A block and the byte that it is filled with.
    struct Block {
        at: *mut u8,
        layout: Layout,
        fill: u8,
    }

    impl Block {
        fn holds_its_own(&self) -> bool {
            // SAFETY: the block is this long and was written from end to end.
            let bytes = unsafe { std::slice::from_raw_parts(self.at, self.layout.size()) };
            bytes.iter().all(|byte| *byte == self.fill)
        }

        fn write(&self) {
            // SAFETY: the block is this long.
            unsafe { self.at.write_bytes(self.fill, self.layout.size()) };
        }
    }

    #[derive(Clone, Debug)]
    enum Op {
        Take(usize, usize),
        Grow(prop::sample::Index, usize),
        GiveBack(prop::sample::Index),
    }

    fn op() -> impl Strategy<Value = Op> {
        let bytes = || prop_oneof![4 => 1usize..200, 1 => 1usize..5_000];
        prop_oneof![
            (bytes(), 0u32..7).prop_map(|(bytes, align)| Op::Take(bytes, 1 << align)),
            (any::<prop::sample::Index>(), bytes()).prop_map(|(at, bytes)| Op::Grow(at, bytes)),
            any::<prop::sample::Index>().prop_map(Op::GiveBack),
        ]
    }

    proptest! {
        #[test]
        fn blocks_never_overlap(ops in prop::collection::vec(op(), 0..400)) {
            let heap = Heap::over(System);
            let mut blocks: Vec<Block> = Vec::new();
            for (number, op) in ops.into_iter().enumerate() {
                match op {
                    Op::Take(bytes, align) => {
                        let layout = Layout::from_size_align(bytes, align).unwrap();
                        // SAFETY: the layout is not empty.
                        let at = unsafe { heap.alloc(layout) };
                        prop_assert!(!at.is_null() && (at as usize).is_multiple_of(align));
                        blocks.push(Block { at, layout, fill: number as u8 });
                        blocks[blocks.len() - 1].write();
                    }
                    Op::Grow(at, bytes) if !blocks.is_empty() => {
                        let at = at.index(blocks.len());
                        let block = &mut blocks[at];
                        let kept = block.layout.size().min(bytes);
                        // SAFETY: the block is the heap's, with this layout.
                        block.at = unsafe { heap.realloc(block.at, block.layout, bytes) };
                        block.layout = Layout::from_size_align(bytes, block.layout.align()).unwrap();
                        // SAFETY: as long as the shorter of the two.
                        let bytes = unsafe { std::slice::from_raw_parts(block.at, kept) };
                        prop_assert!(bytes.iter().all(|byte| *byte == block.fill));
                        block.write();
                    }
                    Op::GiveBack(at) if !blocks.is_empty() => {
                        let block = blocks.swap_remove(at.index(blocks.len()));
                        prop_assert!(block.holds_its_own());
                        // SAFETY: the block is the heap's, with this layout.
                        unsafe { heap.dealloc(block.at, block.layout) };
                    }
                    _ => {}
                }
                prop_assert!(blocks.iter().all(Block::holds_its_own));
            }
        }
    }

    #[test]
    fn what_was_freed_is_taken_again() {
        let heap = Heap::over(System);
        let layout = Layout::from_size_align(40, 8).unwrap();
        // SAFETY: the layout is not empty, and each block is given back once.
        unsafe {
            let first = heap.alloc(layout);
            heap.dealloc(first, layout);
            assert_eq!(heap.alloc(layout), first);
        }
    }
}
