//! What a job can be told to forget.

use crate::word::words;

words! {
    /// What a job forgets when it is restarted.
    pub enum Reset {
        /// Where reading goes on; the next cycle is a full one.
        Watermark = "watermark",
        /// Objects that wait for their next attempt; they are tried at once.
        Escrows = "escrows",
        /// Why the job is held or slowed down.
        Quarantine = "quarantine",
        /// Which object belongs to which; they are matched anew.
        Links = "links",
        /// All but the links; the next cycle is a full one.
        Full = "full",
    }
}

impl Reset {
    /// What is forgotten where nothing is named.
    pub const DEFAULT: [Self; 3] = [Self::Watermark, Self::Escrows, Self::Quarantine];
}
