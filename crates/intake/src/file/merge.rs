//! Several files as one stream in time order.

use super::{CaptureFile, DEFAULT_BUFFER, FileError, FileInfo, Options, Record};
use model::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

/// All read buffers together in bytes, however many files there are (but each has at least 16 KiB).
const BUFFERS: usize = 64 << 20;

/// Files read side by side: each time the packet with the earliest time among the heads. Equal times come in the order of the files, and
/// each file keeps its own order even where its times go back.
pub struct Merge {
    files: Vec<CaptureFile>,
    /// The head of each file that is not at its end; files that were not looked at yet are in `fresh`.
    heads: BinaryHeap<Reverse<(Time, usize)>>,
    fresh: Vec<usize>,
}

impl Merge {
    /// Opens all of them, or says which cannot be opened. Many files get smaller buffers.
    pub fn open<P: AsRef<Path>>(paths: &[P], options: Options) -> Result<Merge, FileError> {
        let buffer = (BUFFERS / paths.len().max(1)).clamp(16 << 10, DEFAULT_BUFFER);
        let options = Options { buffer: options.buffer.min(buffer), ..options };
        let files: Result<Vec<_>, _> = paths.iter().map(|p| CaptureFile::open_with(p.as_ref(), options)).collect();
        Ok(Merge::new(files?))
    }

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
