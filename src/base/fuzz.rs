//! What several bodies for fuzzing share.

/// `text` after the changes that `script` asks for, four bytes each: where (two bytes), what, and
/// with which byte. `None` where no text is left.
///
/// A body that guards something sealed or signed takes its bytes as such a script too, because no
/// input that is made up from nothing comes near a valid one.
pub(crate) fn edited(text: &str, script: &[u8]) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    for edit in script.chunks_exact(4) {
        let [high, low, what, byte] = *edit else { continue };
        let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        match what % 5 {
            0 if at < bytes.len() => drop(bytes.remove(at)),
            1 => bytes.insert(at, byte),
            2 => bytes.truncate(at),
            3 => bytes.rotate_left(at),
            _ => {
                if let Some(changed) = bytes.get_mut(at) {
                    *changed = byte;
                }
            }
        }
    }
    String::from_utf8(bytes).ok()
}
