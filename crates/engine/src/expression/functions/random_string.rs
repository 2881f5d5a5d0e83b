//! # RandomString(length, minimumNumbers, minimumSpecialCharacters, minimumCapital, minimumLowerCase, [charactersToAvoid])
//!
//! A random text, for passwords and the like. Only for mappings that apply when an object is created.
//!
//! It has at least so many digits, special characters, capitals and small letters; what is left of its
//! length comes from the same kinds, from those with a minimum of zero only if all have it. Special
//! characters are those that Windows counts for the complexity of passwords. The length is at most 256.
//!
//! ```text
//! RandomString(6, 3, 0, 0, 3)
//!   matches ([a-z]*[0-9]){3}[a-z]*
//!
//! RandomString(6, 3, 0, 0, 3)
//!   matches [0-9a-z]{6}
//!
//! RandomString(10, 2, 2, 2, 1, "?,")
//!   matches [^?,]{10}
//!
//! RandomString(5, 2, 2, 2, 1)
//!   is refused: at least as many as the minima together, 7
//!
//! RandomString(257, 0, 0, 0, 0)
//!   is refused: a number from 1 to 256
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "RandomString",
    &[
        Parameter::number("length"),
        Parameter::number("minimumNumbers"),
        Parameter::number("minimumSpecialCharacters"),
        Parameter::number("minimumCapital"),
        Parameter::number("minimumLowerCase"),
        Parameter::text("charactersToAvoid").optional(),
    ],
    Kind::Text,
    evaluate,
)
.with(Nature::Random)
.checked(check);

const MAX: i64 = 256;

/// Digits, special characters, capitals, small letters: in the order of the parameters.
const KINDS: [&str; 4] = [
    "0123456789",
    "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "abcdefghijklmnopqrstuvwxyz",
];

/// What is wrong: with which argument, and what it should have been.
type Wrong = (usize, String);

/// The length, and how many of each kind at least.
fn counts(numbers: [i64; 5]) -> Result<(usize, [usize; 4]), Wrong> {
    let [length, minima @ ..] = numbers;
    if !(1..=MAX).contains(&length) {
        return Err((0, format!("a number from 1 to {MAX}")));
    }
    let mut least = [0; 4];
    for (index, (count, minimum)) in least.iter_mut().zip(minima).enumerate() {
        let fits = usize::try_from(minimum).ok().filter(|_| minimum <= MAX);
        *count = fits.ok_or_else(|| (index + 1, format!("a number from 0 to {MAX}")))?;
    }
    let sum: usize = least.iter().sum();
    let length = usize::try_from(length).unwrap_or(0);
    if length < sum {
        let expected = format!("at least as many as the minima together, {sum},");
        return Err((0, expected));
    }
    Ok((length, least))
}

fn check(given: &Given<'_>) -> Result<Option<Pattern>, ArgumentError> {
    let numbers: Option<Vec<i64>> = (0..5).map(|index| given.number(index)).collect();
    if let Some(numbers) = numbers.and_then(|numbers| numbers.try_into().ok()) {
        counts(numbers).map_err(|(index, expected)| given.wrong(index, expected))?;
    }
    Ok(None)
}

fn evaluate(call: &Call<'_>) -> Outcome {
    let mut numbers = [0; 5];
    for (index, number) in numbers.iter_mut().enumerate() {
        *number = call.number(index)?.unwrap_or(0);
    }
    let avoided = call.text(5)?.unwrap_or_default();
    let (length, least) = counts(numbers).map_err(|(index, words)| call.wrong(index, words))?;
    let kinds = KINDS.map(|kind| {
        let kept = kind.chars().filter(|c| !avoided.contains(*c));
        kept.collect::<Vec<char>>()
    });
    let any_wanted = least.iter().any(|count| *count > 0);
    let rest: Vec<char> = kinds
        .iter()
        .zip(least)
        .filter(|(_, count)| !any_wanted || *count > 0)
        .flat_map(|(kind, _)| kind.iter().copied())
        .collect();
    let filled = length - least.iter().sum::<usize>();
    let sources = kinds.iter().zip(least).chain([(&rest, filled)]);
    let mut random = call.random();
    let mut drawn = Vec::with_capacity(length);
    for (characters, count) in sources {
        if count > 0 && characters.is_empty() {
            return Err(call.wrong(5, "characters that leave some of each kind"));
        }
        drawn.extend(
            (0..count).filter_map(|_| characters.get(random.below(characters.len())).copied()),
        );
    }
    random.shuffle(&mut drawn);
    Ok(drawn.into_iter().collect::<String>().into())
}
