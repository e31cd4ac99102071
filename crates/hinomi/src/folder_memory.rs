//! What was read of a folder of captures, kept beside the data: written anew as a whole, so that it is never half.

use intake::folder::FolderState;
use std::io::{self, Write};
use std::path::Path;

/// What was read so far; nothing where nothing is remembered or the memory is damaged (then captures are read again).
pub fn read(file: &Path) -> FolderState {
    std::fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Remembers.
pub fn write(file: &Path, state: &FolderState) -> io::Result<()> {
    let fresh = file.with_extension("new");
    let mut out = std::fs::File::create(&fresh)?;
    out.write_all(&serde_json::to_vec(state)?)?;
    out.sync_all()?;
    std::fs::rename(&fresh, file)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_written_is_read_and_damage_is_nothing() {
        let folder = std::env::temp_dir().join(format!("hinomi-folder-memory-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("folder.json");
        let mut state = super::FolderState::default();
        state.files.push(intake::folder::FileState { inode: 1, head_len: 2, head: 3, packets: 4, size: 5, done: true });
        super::write(&file, &state).unwrap();
        assert_eq!(super::read(&file), state);
        std::fs::write(&file, b"{\"files\":[{").unwrap();
        assert_eq!(super::read(&file), super::FolderState::default());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
