//! The words of a filter.

use super::FilterError;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    Comma,
    Colon,
    Slash,
    Word(String),
    Text(String),
}

/// The tokens of a text, each with its place, counted in characters from 1.
pub(super) fn tokens(source: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    let mut tokens = Vec::new();
    let mut characters = source.chars().zip(1..).peekable();
    while let Some((character, position)) = characters.next() {
        let token = match character {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            ':' => Token::Colon,
            '/' => Token::Slash,
            '\'' => Token::Text(text(&mut characters, position)?),
            c if is_word(c) => {
                // The colons of a time belong to it; a name ends before the colon of an `any`.
                let number = c.is_ascii_digit();
                let mut word = String::from(c);
                let goes_on = |c: char| is_word(c) || number && c == ':';
                while let Some((c, _)) = characters.next_if(|(c, _)| goes_on(*c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
            other => {
                return Err(FilterError {
                    position,
                    expected: "a name, a value or a parenthesis".into(),
                    found: format!("`{other}`"),
                });
            }
        };
        tokens.push((position, token));
    }
    Ok(tokens)
}

/// A text up to its quote. Two quotes stand for one.
fn text(
    characters: &mut std::iter::Peekable<impl Iterator<Item = (char, usize)>>,
    position: usize,
) -> Result<String, FilterError> {
    let mut text = String::new();
    loop {
        match characters.next() {
            Some(('\'', _)) if characters.next_if(|(c, _)| *c == '\'').is_some() => text.push('\''),
            Some(('\'', _)) => return Ok(text),
            Some((c, _)) => text.push(c),
            None => {
                return Err(FilterError {
                    position,
                    expected: "a text that ends with '".into(),
                    found: "the end".into(),
                });
            }
        }
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '+' | '@' | '$')
}

impl Token {
    /// As an error shows it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Open => "`(`".into(),
            Self::Close => "`)`".into(),
            Self::Comma => "`,`".into(),
            Self::Colon => "`:`".into(),
            Self::Slash => "`/`".into(),
            Self::Word(word) => format!("`{word}`"),
            Self::Text(text) => format!("'{text}'"),
        }
    }
}
