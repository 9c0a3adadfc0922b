//! What the four targets for graphs share: what is read can be written in every format and comes back, and what is refused
//! is refused with its place.

use floria::{Entity, MemoryStore};
use floria_exchange::{ExchangeError, Format, ImportOptions, Limits, Reader, Writer, import};

pub fn check(format: Format, file: &[u8]) {
    // Small enough for a round to be short.
    let limits = Limits { entity_octets_max: 1 << 20, batch_octets_max: 4 << 20 };
    let read = |format, file| Reader::new(format, file, &limits).collect::<Result<Vec<Entity>, _>>();
    match read(format, file) {
        Ok(entities) => {
            for other in Format::ALL {
                let mut written = Vec::new();
                let mut writer = Writer::new(other, &mut written).expect("memory can be written");
                entities.iter().for_each(|entity| writer.write(entity).expect("what was read can be written"));
                writer.finish().expect("memory can be written");
                let again = Reader::new(other, &*written, &Limits::default()).collect::<Result<Vec<_>, _>>();
                assert_eq!(again.expect("what was written can be read"), entities, "{other}");
            }
            // The store may refuse it.
            let options = ImportOptions { limits, ..ImportOptions::default() };
            _ = import(&MemoryStore::new(), format, file, &options);
        }
        Err(ExchangeError::Malformed(malformed)) => assert!(malformed.to_string().len() < 2_000, "{malformed}"),
        Err(other) => panic!("{other:?}"),
    }
}
