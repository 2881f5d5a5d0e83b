//! Distinguished names.

use std::fmt;
use std::str::FromStr;

/// One step of a distinguished name, as `OU=Staff`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Rdn {
    /// The naming attribute in upper case: `CN`, `OU`, `DC`.
    pub attribute: String,
    /// The value without escapes.
    pub value: String,
}

/// A distinguished name (RFC 4514), the object's own step first.
///
/// Names and values compare without regard to case through [`Dn::same_as`]; `==` is exact.
/// Multi-valued steps (`CN=a+OU=b`) are refused: Active Directory has none.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Dn(Vec<Rdn>);

/// Why a text is not a distinguished name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DnError {
    /// A step has no `=`.
    #[error("expected a step such as OU=Staff at character {position} of the distinguished name")]
    NoEquals {
        /// Counted in characters from 1.
        position: usize,
    },
    /// A backslash escapes nothing that can be escaped.
    #[error("the backslash at character {position} of the distinguished name escapes nothing")]
    Escape {
        /// Counted in characters from 1.
        position: usize,
    },
    /// Escaped bytes that are not UTF-8.
    #[error("the step that ends at character {position} of the distinguished name is not UTF-8")]
    Utf8 {
        /// Counted in characters from 1.
        position: usize,
    },
}

impl Dn {
    /// A name of these steps, the object's own first.
    #[must_use]
    pub const fn new(steps: Vec<Rdn>) -> Self {
        Self(steps)
    }

    /// The name that a DNS domain has: `corp.test` is `DC=corp,DC=test`.
    #[must_use]
    pub fn of_domain(domain: &str) -> Self {
        let step = |label: &str| Rdn {
            attribute: "DC".into(),
            value: label.into(),
        };
        Self(
            domain
                .split('.')
                .filter(|label| !label.is_empty())
                .map(step)
                .collect(),
        )
    }

    /// The steps, the object's own first.
    #[must_use]
    pub fn steps(&self) -> &[Rdn] {
        &self.0
    }

    /// The name without its first step.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.split_first().map(|(_, rest)| Self(rest.to_vec()))
    }

    /// Whether both name the same object: without regard to case.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.is_within(other)
    }

    /// Whether this is `ancestor` or lies below it.
    #[must_use]
    pub fn is_within(&self, ancestor: &Self) -> bool {
        self.0.len() >= ancestor.0.len()
            && self
                .0
                .iter()
                .rev()
                .zip(ancestor.0.iter().rev())
                .all(|(a, b)| {
                    a.attribute.eq_ignore_ascii_case(&b.attribute)
                        && (a.value == b.value || a.value.to_lowercase() == b.value.to_lowercase())
                })
    }
}

impl FromStr for Dn {
    type Err = DnError;

    fn from_str(text: &str) -> Result<Self, DnError> {
        let mut steps = Vec::new();
        let mut rest = Scanner {
            chars: text.chars().collect(),
            at: 0,
        };
        if text.trim().is_empty() {
            return Ok(Self(steps));
        }
        loop {
            steps.push(rest.step()?);
            if rest.at >= rest.chars.len() {
                return Ok(Self(steps));
            }
            rest.at += 1;
        }
    }
}

/// Reads a distinguished name step by step.
struct Scanner {
    chars: Vec<char>,
    at: usize,
}

impl Scanner {
    /// Reads one step and stops at the comma behind it.
    fn step(&mut self) -> Result<Rdn, DnError> {
        let start = self.at;
        let mut attribute = String::new();
        loop {
            match self.chars.get(self.at) {
                Some('=') => break,
                Some(c) if !matches!(c, ',' | ';' | '\\' | '+') => attribute.push(*c),
                _ => {
                    return Err(DnError::NoEquals {
                        position: start + 1,
                    });
                }
            }
            self.at += 1;
        }
        self.at += 1;
        let attribute = attribute.trim().to_ascii_uppercase();
        if attribute.is_empty() {
            return Err(DnError::NoEquals {
                position: start + 1,
            });
        }
        Ok(Rdn {
            attribute,
            value: self.value()?,
        })
    }

    /// Reads a value up to an unescaped comma; blanks around it count only when escaped.
    fn value(&mut self) -> Result<String, DnError> {
        let mut bytes = Vec::new();
        let mut kept = 0;
        let mut buffer = [0; 4];
        while self.chars.get(self.at) == Some(&' ') {
            self.at += 1;
        }
        while let Some(&c) = self.chars.get(self.at) {
            match c {
                ',' | ';' => break,
                '+' => {
                    return Err(DnError::NoEquals {
                        position: self.at + 1,
                    });
                }
                '\\' => {
                    self.escape(&mut bytes)?;
                    kept = bytes.len();
                }
                ' ' => bytes.push(b' '),
                c => {
                    bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
                    kept = bytes.len();
                }
            }
            self.at += 1;
        }
        bytes.truncate(kept);
        String::from_utf8(bytes).map_err(|_| DnError::Utf8 { position: self.at })
    }

    /// Reads `\,` or `\2C` and stops at its last character.
    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), DnError> {
        let error = DnError::Escape {
            position: self.at + 1,
        };
        let digit = |c: Option<&char>| {
            c.and_then(|c| c.to_digit(16))
                .and_then(|d| u8::try_from(d).ok())
        };
        let first = self.chars.get(self.at + 1);
        match (digit(first), digit(self.chars.get(self.at + 2)), first) {
            (Some(high), Some(low), _) => {
                bytes.push(high << 4 | low);
                self.at += 2;
            }
            (_, _, Some(c)) if c.is_ascii_punctuation() || *c == ' ' => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                self.at += 1;
            }
            _ => return Err(error),
        }
        Ok(())
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            fmt::Display::fmt(step, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Rdn {
    /// Writes the step with the escapes that Active Directory uses (RFC 4514 2.4).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.attribute)?;
        let last = self.value.chars().count().saturating_sub(1);
        for (index, c) in self.value.chars().enumerate() {
            match c {
                ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' => write!(f, "\\{c}")?,
                '#' if index == 0 => f.write_str("\\#")?,
                ' ' if index == 0 || index == last => f.write_str("\\ ")?,
                c if c.is_ascii_control() => write!(f, "\\{:02X}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dn(text: &str) -> Dn {
        text.parse().unwrap()
    }

    #[test]
    fn awkward_names_read_back_as_they_were_written() {
        for value in [
            "Lovelace, Ada",
            "\"quoted\"",
            " leading",
            "trailing ",
            " ",
            "a+b=c",
            "#1",
            "Zoë 🦀",
            "x\ny",
            "\\",
            "",
        ] {
            let name = Dn::new(vec![
                Rdn {
                    attribute: "CN".into(),
                    value: value.into(),
                },
                Rdn {
                    attribute: "DC".into(),
                    value: "corp".into(),
                },
            ]);
            assert_eq!(dn(&name.to_string()), name, "{name}");
        }
    }

    #[test]
    fn names_are_compared_without_regard_to_case() {
        assert!(dn("cn=ada, ou=Staff,dc=corp").same_as(&dn("CN=Ada,OU=STAFF,DC=Corp")));
        assert!(dn("CN=ada,OU=Staff,DC=corp").is_within(&dn("ou=staff,dc=corp")));
        assert!(!dn("OU=Staff,DC=corp").is_within(&dn("CN=ada,OU=Staff,DC=corp")));
        assert_eq!(Dn::of_domain("corp.test").to_string(), "DC=corp,DC=test");
    }

    #[test]
    fn escaped_bytes_make_characters() {
        assert_eq!(dn("CN=Zo\\C3\\AB,DC=x").steps()[0].value, "Zoë");
        assert_eq!("CN=a\\".parse::<Dn>(), Err(DnError::Escape { position: 5 }));
        assert_eq!(
            "CN=a,b".parse::<Dn>(),
            Err(DnError::NoEquals { position: 6 })
        );
    }
}
