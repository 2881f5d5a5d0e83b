//! Stories of passwords.

use super::*;

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn salt(hex_digits: &str) -> [u8; SyncedHash::SALT_LENGTH] {
    let mut salt = [0; SyncedHash::SALT_LENGTH];
    hex::decode_to_slice(hex_digits, &mut salt).unwrap();
    salt
}

const DOLLAR_WORD: &str = "v1;PPH1_MD4,181a3024085fcee2f70e,1000,\
                           b39525c3bc72a1136fcf7c8a338e0c14313d0450d1a4c98ef0a6ddada3bc5b0a;";
const EMPTY: &str = "v1;PPH1_MD4,01cda06eceb9d9bc2621,1000,\
                     9d4fc778add44776555d3fa6ccb4f9637f25e34a62dbc5fa0f782ef8c762c902;";

#[test]
fn published_vectors_come_out_byte_for_byte() {
    for (password, nt, salt_digits, text) in [
        (
            "Pa$$w0rd",
            "92937945b518814341de3f726500d4ff",
            "181a3024085fcee2f70e",
            DOLLAR_WORD,
        ),
        (
            "",
            "31d6cfe0d16ae931b73c59d7e0c089c0",
            "01cda06eceb9d9bc2621",
            EMPTY,
        ),
    ] {
        let hash = nt_hash(&secret(password));
        assert_eq!(hex::encode(hash.expose()), nt);
        let made = SyncedHash::derive(&hash, salt(salt_digits), Iterations::FEWEST);
        assert_eq!(made.to_text().expose(), text);
        let read: SyncedHash = text.parse().unwrap();
        assert!(read.verifies(&secret(password)));
        assert!(!read.verifies(&secret("Pa$$w0rd ")));
    }
}

#[test]
fn a_hash_made_from_lower_case_digits_does_not_verify() {
    // The same password and salt, with the NT hash written in lower case.
    let mut hash = [0; 32];
    let digits: Vec<u8> = "92937945b518814341de3f726500d4ff"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(&digits, &salt("181a3024085fcee2f70e"), 1_000, &mut hash);
    let text = format!(
        "v1;PPH1_MD4,181a3024085fcee2f70e,1000,{};",
        hex::encode(hash)
    );
    assert!(text.contains("dfd0a0d6"), "not the published wrong one");
    let wrong: SyncedHash = text.parse().unwrap();
    assert!(!wrong.verifies(&secret("Pa$$w0rd")));
}

#[test]
fn passwords_of_every_kind_verify_and_their_neighbours_do_not() {
    let long = "ä".repeat(127);
    for password in [
        "Grüße, Jürgen!",
        "🔑🗝️ key",
        "  padded  ",
        "\u{feff}mark",
        &long,
    ] {
        let hash = SyncedHash::derive(
            &nt_hash(&secret(password)),
            [7; SyncedHash::SALT_LENGTH],
            Iterations::new(2_000).unwrap(),
        );
        assert!(hash.verifies(&secret(password)), "{password}");
        for other in [
            password.trim(),
            &password.to_uppercase(),
            &format!("{password}x"),
        ] {
            assert!(
                other == password || !hash.verifies(&secret(other)),
                "{other}"
            );
        }
    }
}

#[test]
fn any_other_form_of_a_hash_is_refused_with_what_was_expected() {
    let good = DOLLAR_WORD;
    for (text, expected) in [
        ("", SyncedHashError::Form),
        ("v2;PPH1_MD4,00,1000,00;", SyncedHashError::Form),
        (good.trim_end_matches(';'), SyncedHashError::Form),
        (&good.replace(",1000", ""), SyncedHashError::Form),
        (&good.replace(",1000", ",1000,1"), SyncedHashError::Form),
        (&good.replace("PPH1_MD4", "PPH2"), SyncedHashError::Kind),
        (&good.replace("181a", "181A"), SyncedHashError::Salt),
        (&good.replace("181a", ""), SyncedHashError::Salt),
        (
            &good.replace(",1000,", ",999,"),
            SyncedHashError::Iterations,
        ),
        (
            &good.replace(",1000,", ",01000,"),
            SyncedHashError::Iterations,
        ),
        (
            &good.replace(",1000,", ",4294967296,"),
            SyncedHashError::Iterations,
        ),
        (
            &good.replace(",1000,", ",1000001,"),
            SyncedHashError::Iterations,
        ),
        (
            &good.to_uppercase().replace("V1", "v1"),
            SyncedHashError::Salt,
        ),
        (&good.replace("b395", "B395"), SyncedHashError::Hash),
        (&good.replace("b395", "b39"), SyncedHashError::Hash),
    ] {
        assert_eq!(text.parse::<SyncedHash>().unwrap_err(), expected, "{text}");
    }
}

#[test]
fn only_a_greater_stamp_of_the_same_object_supersedes() {
    let stamp = |version, seconds: i64, by| Stamp {
        version,
        time: Timestamp::from_millis(seconds * 1_000),
        originating: Guid::from_bytes([by; 16]),
    };
    let origin = |object, stamp| Origin::new(Guid::from_bytes([object; 16]), stamp);
    let held = origin(1, stamp(3, 100, 5));
    for (newer, stamp) in [
        (true, stamp(4, 50, 1)),
        (true, stamp(3, 101, 1)),
        (true, stamp(3, 100, 6)),
        (false, stamp(3, 100, 5)),
        (false, stamp(3, 100, 4)),
        (false, stamp(3, 99, 9)),
        (false, stamp(2, 999, 9)),
    ] {
        assert_eq!(origin(1, stamp).supersedes(Some(&held)), newer, "{stamp:?}");
    }
    // What was written before the user moved to another domain, and what was written there.
    let left = Origin {
        before_move: true,
        ..held
    };
    for (newer, stamp) in [
        (true, stamp(1, 101, 1)),
        (false, stamp(3, 100, 5)),
        (false, stamp(9, 99, 9)),
    ] {
        assert_eq!(origin(1, stamp).supersedes(Some(&left)), newer, "{stamp:?}");
    }
    assert!(origin(1, stamp(1, 1, 1)).supersedes(None));
    assert!(origin(2, stamp(1, 1, 1)).supersedes(Some(&held)));
}

#[test]
fn the_first_good_check_of_a_synced_hash_gives_a_verifier_that_says_the_same() {
    let synced = Verifier::Synced(DOLLAR_WORD.parse().unwrap());
    let Checked::Right {
        upgrade: Some(better),
    } = check(Some(&synced), &secret("Pa$$w0rd"), &[1; 16])
    else {
        panic!("the password is right");
    };
    assert!(
        better
            .to_text()
            .expose()
            .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
    );
    let read: Argon2Hash = better.to_text().expose().parse().unwrap();
    let upgraded = Verifier::Argon2id(read);
    for (verifier, password, right) in [
        (Some(&synced), "pa$$w0rd", false),
        (Some(&upgraded), "Pa$$w0rd", true),
        (Some(&upgraded), "pa$$w0rd", false),
        (None, "Pa$$w0rd", false),
    ] {
        let checked = check(verifier, &secret(password), &[2; 16]);
        assert_eq!(
            matches!(checked, Checked::Right { .. }),
            right,
            "{password}"
        );
        assert!(!matches!(checked, Checked::Right { upgrade: Some(_) }));
    }
}

#[test]
fn a_stored_verifier_that_would_stop_the_service_is_refused() {
    for text in [
        "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=19456,t=4000000000,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA",
        "secret",
    ] {
        assert!(text.parse::<Argon2Hash>().is_err(), "{text}");
    }
}

#[test]
fn a_new_password_is_long_enough_and_does_not_hold_the_name() {
    for (password, expected) in [
        ("Spring7", Err(Weakness::Short)),
        ("Spring70", Ok(())),
        ("x-ADA.King-x", Err(Weakness::ContainsName)),
        ("Ünïcödé", Err(Weakness::Short)),
    ] {
        assert_eq!(
            accept_new(&secret(password), "ada.king@corp.test"),
            expected
        );
    }
    let long = secret(&"x".repeat(257));
    assert_eq!(accept_new(&long, "ada@corp.test"), Err(Weakness::Long));
    // A name of three letters is in too many words.
    assert_eq!(accept_new(&secret("adagio molto"), "ada@corp.test"), Ok(()));
}

#[test]
fn a_password_expires_only_where_the_policy_says_so_and_applies() {
    let credential = |can_expire, force_change| Credential {
        origin: None,
        verifier: Verifier::Synced(EMPTY.parse().unwrap()),
        force_change,
        can_expire,
        changed: Timestamp::from_millis(0),
    };
    let age = Expiry::After(Duration::from_secs(10));
    let (before, after) = (
        Timestamp::from_millis(9_999),
        Timestamp::from_millis(10_000),
    );
    assert!(!credential(true, false).must_change(age, before));
    assert!(credential(true, false).must_change(age, after));
    assert!(!credential(false, false).must_change(age, after));
    assert!(!credential(true, false).must_change(Expiry::Never, after));
    assert!(credential(false, true).must_change(Expiry::Never, before));
}

#[test]
fn no_debug_output_shows_a_hash() {
    let synced: SyncedHash = DOLLAR_WORD.parse().unwrap();
    let argon = Argon2Hash::of(&secret("Pa$$w0rd"), &[3; 16]);
    let shown = format!("{synced:?} {argon:?}");
    assert!(!shown.contains("b395") && !shown.contains("181a") && !shown.contains('$'));
}
