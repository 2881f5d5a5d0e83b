//! # Replace(source, [oldValue], [regexPattern], [regexGroupName], [replacementValue], [replacementAttributeName], [template])
//!
//! Replaces parts of a text, with regard to case. What it does depends on which slots are filled:
//!
//! | filled | what happens |
//! |---|---|
//! | oldValue, replacementValue | every `oldValue` in the source becomes `replacementValue` |
//! | oldValue, template | every `oldValue` in the template becomes the source |
//! | regexPattern, replacementValue | every match becomes `replacementValue`, in which `${name}`, `$1`, `$&` and `$$` stand for groups, the match and a dollar sign |
//! | regexPattern, regexGroupName, replacementValue | of every match, that group becomes `replacementValue` |
//! | regexPattern, regexGroupName, replacementAttributeName | the source, if it has a value; else that group of the first match in the attribute |
//!
//! Any other combination is refused. Except in the last form, no source gives no value. In a text a
//! backslash before `"` or `\` stands for that character; before anything else it stands for itself, so
//! `"\d"` and `"\\d"` are the same.
//!
//! Regular expressions are those of .NET as far as they can be matched in linear time: looking ahead and
//! behind, backreferences, atomic and balancing groups and subtraction of classes are refused by name; a
//! pattern that would become too large, too, and so is a search that would take long. `$` is the end of
//! the text. No pattern can hold up a cycle.
//! In the last form the page of the original for cloud sync describes something else (it replaces in the
//! source); this is what its general reference says and shows.
//!
//! ```text
//! Replace([BusinessTitle], "Product Developer", , , "Software Engineer", , )
//!   with BusinessTitle = "Product Developer"
//!   gives "Software Engineer"
//!
//! Replace([mail], "@contoso.com", , ,"", ,)
//!   with mail = "john.doe@contoso.com"
//!   gives "john.doe"
//!
//! Replace([UserID], "<username>", , , , , "<username>@contoso.com")
//!   with UserID = "jsmith"
//!   gives "jsmith@contoso.com"
//!
//! Replace([telephoneNumber], , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", , "${phoneNumber}", , )
//!   with telephoneNumber = "+91 9998887777"
//!   gives "9998887777"
//!
//! Replace([mobile], , "[()\\s-]+", , "", , )
//!   with mobile = "+1 (999) 888-7777"
//!   gives "+19998887777"
//!
//! Replace([AddressLineData], , "(?<streetNumber>^\\d*)", "streetNumber", "888", , )
//!   with AddressLineData = "545 Tremont Street"
//!   gives "888 Tremont Street"
//!
//! Replace([userPrincipalName], , "(?<Suffix>@(.)*)", "Suffix", "", , )
//!   with userPrincipalName = "jsmith@contoso.com"
//!   gives "jsmith"
//!
//! Replace([telephoneNumber], , "\\+(?<isdCode>\\d* )(?<phoneNumber>\\d{10})", "phoneNumber", , [mobile], )
//!   with telephoneNumber = ""
//!   with mobile = "+91 8887779999"
//!   gives "8887779999"
//!
//! Replace([mailNickname], , "[a-zA-Z_]*", , "", , )
//!   with mailNickname = "john_doe72"
//!   gives "72"
//!
//! Replace([proxyAddresses], "@old.test", , , "@new.test")
//!   with proxyAddresses = "SMTP:ada@old.test", "smtp:al@old.test"
//!   gives "SMTP:ada@new.test", "smtp:al@new.test"
//!
//! Replace([mail], , "(?=@)", , "")
//!   is refused: without looking ahead or behind
//!
//! Replace([mail], "@contoso.com")
//!   is refused: oldValue and replacementValue
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::new(
    "Replace",
    &[
        Parameter::text("source"),
        Parameter::text("oldValue").optional(),
        Parameter::text("regexPattern").optional(),
        Parameter::text("regexGroupName").optional(),
        Parameter::text("replacementValue").optional(),
        Parameter::text("replacementAttributeName").optional(),
        Parameter::text("template").optional(),
    ],
    Kind::Text,
    evaluate,
)
.each()
.checked(check);

const OLD: usize = 1;
const PATTERN: usize = 2;
const GROUP: usize = 3;
const NEW: usize = 4;
const OTHER: usize = 5;
const TEMPLATE: usize = 6;

/// The five forms.
#[derive(Clone, Copy)]
enum Mode {
    Text,
    Template,
    Matches,
    Group,
    Fallback,
}

/// The form in which these slots are filled.
fn mode(is_given: impl Fn(usize) -> bool) -> Option<Mode> {
    let given = [OLD, PATTERN, GROUP, NEW, OTHER, TEMPLATE].map(is_given);
    Some(match given {
        [true, false, false, true, false, false] => Mode::Text,
        [true, false, false, false, false, true] => Mode::Template,
        [false, true, false, true, false, false] => Mode::Matches,
        [false, true, true, true, false, false] => Mode::Group,
        [false, true, true, false, true, false] => Mode::Fallback,
        _ => return None,
    })
}

const FORMS: &str = "one of the forms: oldValue and replacementValue; oldValue and template; regexPattern \
                     and replacementValue, with or without regexGroupName; regexPattern, regexGroupName \
                     and replacementAttributeName; each with all other slots empty,";

fn check(given: &Given<'_>) -> Result<Option<Pattern>, ArgumentError> {
    let mode = mode(|index| given.is_given(index)).ok_or_else(|| ArgumentError {
        parameter: "arguments",
        expected: FORMS.to_owned(),
        received: "another combination".to_owned(),
    })?;
    if matches!(mode, Mode::Text | Mode::Template) {
        given.text_is(OLD, |text| !text.is_empty(), "a text that is not empty")?;
    }
    let Some(text) = given.text(PATTERN) else {
        return Ok(None);
    };
    let pattern = Pattern::new(&text).map_err(|expected| given.wrong(PATTERN, expected))?;
    if let Some(group) = given.text(GROUP) {
        let found = pattern.group(&group);
        found.map_err(|expected| given.wrong(GROUP, expected))?;
    }
    if let (Mode::Matches, Some(new)) = (mode, given.text(NEW)) {
        let replacement = pattern.replacement(&new);
        replacement.map_err(|expected| given.wrong(NEW, expected))?;
    }
    Ok(Some(pattern))
}

fn evaluate(call: &Call<'_>) -> Outcome {
    // INVARIANT: `check` refused every other combination.
    let mode = mode(|index| call.is_given(index)).unwrap_or(Mode::Text);
    let source = call.text(0)?;
    if let Mode::Fallback = mode {
        return match source.filter(|source| !source.is_empty()) {
            Some(source) => Ok(source.into()),
            None => extract(call),
        };
    }
    let Some(source) = source else {
        return Ok(ExpressionValue::Null);
    };
    match mode {
        Mode::Template => {
            let template = call.text(TEMPLATE)?.unwrap_or_default();
            replace_text(call, &template, &source)
        }
        Mode::Matches | Mode::Group => replace_matches(call, &source),
        Mode::Text | Mode::Fallback => {
            let new = call.text(NEW)?.unwrap_or_default();
            replace_text(call, &source, &new)
        }
    }
}

/// Replaces what stands in `oldValue`.
fn replace_text(call: &Call<'_>, text: &str, new: &str) -> Outcome {
    let old = call.text(OLD)?.unwrap_or_default();
    if old.is_empty() {
        return Err(call.wrong(OLD, "a text that is not empty"));
    }
    let grown = text.matches(&old).count().saturating_mul(new.len());
    call.bounded(text.len().saturating_add(grown))?;
    Ok(text.replace(&old, new).into())
}

fn replace_matches(call: &Call<'_>, source: &str) -> Outcome {
    let pattern = call.pattern(PATTERN)?;
    let new = call.text(NEW)?.unwrap_or_default();
    let charge = |work| call.charge(work);
    let replaced = match call.is_given(GROUP) {
        true => pattern.replace_group(source, group(call, &pattern)?, &new, charge)?,
        false => {
            let replacement = pattern.replacement(&new);
            let replacement = replacement.map_err(|expected| call.wrong(NEW, expected))?;
            pattern.replace(source, &replacement, charge)?
        }
    };
    call.result(replaced)
}

fn extract(call: &Call<'_>) -> Outcome {
    let Some(text) = call.text(OTHER)? else {
        return Ok(ExpressionValue::Null);
    };
    let pattern = call.pattern(PATTERN)?;
    let group = group(call, &pattern)?;
    let found = pattern.extract(&text, group, |work| call.charge(work))?;
    Ok(found.map_or(ExpressionValue::Null, ExpressionValue::Text))
}

fn group(call: &Call<'_>, pattern: &Pattern) -> Result<usize, Stop> {
    let name = call.text(GROUP)?.unwrap_or_default();
    pattern
        .group(&name)
        .map_err(|expected| call.wrong(GROUP, expected))
}
