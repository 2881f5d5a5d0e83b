//! Backups of the running service, and what a restored one does.

use crate::bed::{Bed, CONFIGURATION, backup_file, begin_cycle, dump, undisturbed};
use crate::sign_in::{ADA, CALLBACK, PASSWORD, register, set_password};
use lockstep_testkit::relying_parties;
use lockstep_testkit::samba::{Population, Template};

const POPULATION: Population = Population {
    users: 100,
    groups: 10,
    ous: 3,
    members: 10,
    largest_group: 50,
    hard_names: true,
};

#[test]
fn a_backup_made_during_a_cycle_is_restored_and_the_cycle_goes_on_without_deletes() {
    let mut bed = Bed::start(Template::with(POPULATION)).unwrap();
    bed.add_users(["ada".to_owned()]).unwrap();
    bed.service.apply(CONFIGURATION).unwrap();
    bed.cycle().unwrap();
    set_password(&bed, PASSWORD, &[]).unwrap();
    let registration = register(&bed, CALLBACK, &[]).unwrap();
    let ada = bed.user("ada").unwrap()["id"].clone();

    bed.add_users((0..60).map(|n| format!("during{n}")))
        .unwrap();
    begin_cycle(&bed.service).unwrap();
    let (_folder, file) = backup_file().unwrap();
    let manifest = bed.service.json(&["backup", &file]).unwrap();
    assert_eq!(manifest["files"][0]["name"], "lockstep.db", "{manifest}");
    bed.cycle().unwrap();

    // What happens after the backup is not in it.
    bed.add_users((0..20).map(|n| format!("after{n}"))).unwrap();
    bed.cycle().unwrap();
    bed.service
        .run(&["configuration", "delete", "corp", "--yes"])
        .unwrap();
    let busy = bed.service.command(&["restore", &file]).unwrap();
    assert_eq!(busy.status.code(), Some(1));
    let said = String::from_utf8_lossy(&busy.stderr).into_owned();
    assert!(said.contains("is running"), "{said}");

    bed.service.stop().unwrap();
    let restored = bed.service.command(&["restore", &file]).unwrap();
    let said = String::from_utf8_lossy(&restored.stderr).into_owned();
    assert!(
        restored.status.success() && said.contains("replaced-1"),
        "{said}"
    );
    bed.service.resume().unwrap();

    bed.cycle().unwrap();
    assert_eq!(
        dump(&bed.service).unwrap(),
        undisturbed(&bed.forest).unwrap()
    );
    let deletes = bed
        .service
        .run(&["log", "--action", "Delete", "-o", "json"])
        .unwrap();
    assert!(deletes.is_empty(), "{deletes}");
    assert_eq!(bed.user("ada").unwrap()["id"], ada);
    let results = relying_parties::openid_client(&bed.service, &registration).unwrap();
    assert_eq!(results["signIn"]["preferred_username"], ADA, "{results:#}");
}
