//! References that lead from one domain into another.

use crate::bed::{Bed, CONFIGURATION};
use lockstep_testkit::samba::{Domain, Forest, NewUser, Population, Template};

const GROUP: &str = "CN=Engineers,CN=Users,DC=corp,DC=test";

/// H23: foreign principals join by SID
#[test]
fn a_member_from_another_forest_is_joined_by_its_sid_once_it_is_there() {
    let bed = Bed::start(Template::default()).unwrap();
    let acme = Forest::start(Template {
        domain: Domain::Acme,
        exchange: false,
        population: Population::default(),
    })
    .unwrap();
    let user = |account| NewUser {
        account,
        attributes: &[],
        ..NewUser::default()
    };
    acme.ad().add_user(&user("zoe")).unwrap();
    let zoe = acme.ad().sid_of("zoe").unwrap();
    let foreign = format!("<SID={zoe}>");
    {
        let mut ad = bed.forest.ad();
        let ada = ad.add_user(&user("ada")).unwrap();
        ad.add_group("Engineers", &[&ada]).unwrap();
        // The controller makes the object that stands for her.
        ad.add_members(GROUP, &[&foreign]).unwrap();
    }
    let crossing = format!("{CONFIGURATION}\n[references]\ncross-domain = true\n");
    bed.service.apply(&crossing).unwrap();
    bed.cycle().unwrap();
    assert_eq!(bed.members("Engineers").unwrap(), ["ada"]);

    bed.agent.add_domain(&acme).unwrap();
    let other = CONFIGURATION.replace("corp", "acme");
    bed.service.apply(&other).unwrap();
    let result = bed.service.cycle("acme").unwrap();
    assert_eq!(result["state"], "succeeded", "{result}");
    bed.cycle().unwrap();
    assert_eq!(bed.members("Engineers").unwrap(), ["ada", "zoe"]);

    // Switched off she is left out, and taken out of the group she goes.
    bed.service.apply(CONFIGURATION).unwrap();
    bed.cycle().unwrap();
    assert_eq!(bed.members("Engineers").unwrap(), ["ada"]);
    bed.service.apply(&crossing).unwrap();
    bed.cycle().unwrap();
    assert_eq!(bed.members("Engineers").unwrap(), ["ada", "zoe"]);
    let zoe = format!("CN={zoe},CN=ForeignSecurityPrincipals,DC=corp,DC=test");
    bed.after(|ad| ad.remove_members(GROUP, &[&zoe])).unwrap();
    assert_eq!(bed.members("Engineers").unwrap(), ["ada"]);
}
