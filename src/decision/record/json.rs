//! JSON in which every text is safe to look at, and comes back as it was (T83).

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::base::log_text::is_escaped;

/// Compact JSON; what could drive a terminal or turn or hide text is written as `\uXXXX`.
struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let bytes = fragment.as_bytes();
        if bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return writer.write_all(bytes);
        }
        let mut units = [0u16; 2];
        let mut utf8 = [0u8; 4];
        for character in fragment.chars() {
            if is_escaped(character) {
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                writer.write_all(character.encode_utf8(&mut utf8).as_bytes())?;
            }
        }
        Ok(())
    }
}

/// Appends `value` to `out`.
pub(super) fn write(value: &impl Serialize, out: &mut Vec<u8>) {
    // Writing to memory does not fail, and a line has text for keys.
    let _written = value.serialize(&mut Serializer::with_formatter(out, Safe));
}
