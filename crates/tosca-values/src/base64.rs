//! Base64 (TOSCA 2.0, 9.1.1.5).

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

/// Padding is needed, and bits behind the end do not matter.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// The bytes of a Base64 text (RFC 2045, 6.8): white space, as line breaks are, is skipped; padding is needed.
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let letters: Vec<u8> = text.bytes().filter(|letter| !letter.is_ascii_whitespace()).collect();
    LENIENT.decode(letters).ok()
}

/// Bytes as Base64, without line breaks.
pub fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_there_and_back() {
        for bytes in [&b""[..], b"f", b"fo", b"foo", b"foob", b"\x00\xff\xfe"] {
            assert_eq!(decode_base64(&encode_base64(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(encode_base64(b"foob"), "Zm9vYg==");
        assert_eq!(decode_base64("Zm9v\n  Yg==\n").as_deref(), Some(&b"foob"[..]));
        assert_eq!(decode_base64("Zh==").as_deref(), Some(&b"f"[..]));
        for wrong in ["Zm9vYg", "Zm9vYg=", "Zm9v!", "=", "Zg==Zg==", "Z"] {
            assert!(decode_base64(wrong).is_none(), "{wrong}");
        }
    }
}
