//! What is one of few, and is written as one of few words: in the database, in answers, in filters.

/// Not one of the words that were expected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {expected}, received `{received}`")]
pub struct UnknownWord {
    /// The words, such as `` `user`, `group` or `contact` ``.
    pub expected: String,
    /// The word as it came.
    pub received: String,
}

impl UnknownWord {
    pub(crate) fn new(words: &[&str], received: &str) -> Self {
        Self {
            expected: listed(words),
            received: received.to_owned(),
        }
    }
}

/// A list of words as a sentence has it.
fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        _ => quoted.concat(),
    }
}

/// Declares an enum of which each variant is written as one word. It is read back whatever the case of its letters: a
/// person may have typed it.
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$own:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $name {
            $($(#[$own])* $variant,)*
        }

        impl $name {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
            /// The words, in the same order.
            pub const WORDS: &[&str] = &[$($word),*];

            /// The word that is written for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownWord> {
                let mut all = Self::ALL.iter().copied();
                all.find(|one| one.as_str().eq_ignore_ascii_case(text))
                    .ok_or_else(|| $crate::UnknownWord::new(Self::WORDS, text))
            }
        }
    };
}
pub(crate) use words;
