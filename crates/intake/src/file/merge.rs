//! Several files as one stream in time order.

use super::{CaptureFile, FileError, FileInfo, Record};
use model::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Files read side by side: each time the packet with the earliest time among the heads. Equal times come in the order of the files, and
/// each file keeps its own order even where its times go back.
pub struct Merge {
    files: Vec<CaptureFile>,
    /// The head of each file that is not at its end; files that were not looked at yet are in `fresh`.
    heads: BinaryHeap<Reverse<(Time, usize)>>,
    fresh: Vec<usize>,
}

impl Merge {
    /// From opened files.
    pub fn new(files: Vec<CaptureFile>) -> Merge {
        let fresh = (0..files.len()).rev().collect();
        Merge { heads: BinaryHeap::with_capacity(files.len()), files, fresh }
    }

    /// The next packet and the index of its file. After an error (of the machine) the file that failed is over and the others go on.
    #[allow(clippy::should_implement_trait)] // A lending iterator cannot be an Iterator.
    pub fn next(&mut self) -> Result<Option<(usize, Record<'_>)>, FileError> {
        while let Some(index) = self.fresh.pop() {
            if let Some(file) = self.files.get_mut(index)
                && let Some(time) = file.peek()?
            {
                self.heads.push(Reverse((time, index)));
            }
        }
        let Some(Reverse((_, index))) = self.heads.pop() else { return Ok(None) };
        self.fresh.push(index);
        let Some(file) = self.files.get_mut(index) else { return Ok(None) };
        Ok(file.next()?.map(|record| (index, record)))
    }

    /// The files, in the order given.
    pub fn files(&self) -> &[CaptureFile] {
        &self.files
    }

    /// What was read of each, in the order given.
    pub fn infos(&self) -> impl Iterator<Item = &FileInfo> {
        self.files.iter().map(CaptureFile::info)
    }
}
