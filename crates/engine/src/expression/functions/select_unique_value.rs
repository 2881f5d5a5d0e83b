//! # SelectUniqueValue(uniqueValueRule1, uniqueValueRule2, …)
//!
//! The first value that nobody has in the target. Refused: it makes names for new objects of Active
//! Directory, and this mapping reads them from there. Names that are taken are held back by the
//! directory itself and released when they are free.
//!
//! ```text
//! SelectUniqueValue([mailNickname], [mailNickname] & "1")
//!   is refused: unique values are made for new objects of Active Directory
//! ```

use super::*;

pub(super) static FUNCTION: Function = Function::refused(
    "SelectUniqueValue",
    &[
        Parameter::any("uniqueValueRule1"),
        Parameter::any("uniqueValueRule2"),
    ],
    "unique values are made for new objects of Active Directory, and this mapping reads Active \
     Directory; the directory holds back names that are taken",
)
.repeated(1);
