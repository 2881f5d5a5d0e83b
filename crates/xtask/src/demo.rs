//! `cargo xtask demo`: a sample forest arrives in a cloud directory, and changes follow.

use crate::output;
use anyhow::{Context as _, ensure};
use lockstep_testkit::product::{Agent, Service, eventually, program};
use lockstep_testkit::samba::{ADMIN_PASSWORD, Forest, NewUser, Population, Template};
use std::process::Command;

/// Brings everything up, syncs, says where to look, and waits for Ctrl-C; or stops at once.
pub(crate) fn run(then_stop: bool) -> anyhow::Result<()> {
    crate::setup::run()?;
    output::step("building the programs");
    let status = Command::new(env!("CARGO"))
        .args(["build", "-p", "lockstep-cli", "-p", "lockstep-agent"])
        .status()?;
    ensure!(status.success(), "the programs could not be built");
    output::step("a sample Active Directory forest: 1,000 users, 100 groups (Samba AD DC)");
    let forest = Forest::start(Template::with(Population::THOUSAND))?;
    output::step("the service, and an agent beside the domain controller");
    let service = Service::start()?;
    service.run(&["domain", "add", forest.domain().name()])?;
    let agent = Agent::of(&service, &forest)?;
    let check = agent.run(&["check"])?;
    output::words(&check);
    output::step("the first sync");
    service.apply("name = \"corp.test\"\ndomain = \"corp.test\"\npaused = true\n")?;
    let status = Command::new(program("lockstep")?)
        .args(["cycle", "run", "corp.test", "--wait", "--data-dir"])
        .arg(service.data_dir())
        .status()?;
    ensure!(status.success(), "the first sync failed: {}", service.log());
    service.run(&["configuration", "resume", "corp.test"])?;
    output::step("a change in AD arrives by itself: a new user");
    eventually("changes are announced", || {
        Ok(agent.log().contains("changes are announced"))
    })?;
    let ada = NewUser {
        account: "ada",
        name: Some("Ada Lovelace"),
        attributes: &[("displayName", "Ada Lovelace"), ("department", "Engines")],
        ..NewUser::default()
    };
    forest.ad().add_user(&ada)?;
    let took = eventually("the new user arrives", || {
        let user = service.command(&["user", "get", "ada@corp.test"])?;
        Ok(user.status.success())
    })?;
    output::words(&service.run(&["user", "get", "ada@corp.test"])?);
    output::words(&format!("she was there {} ms later\n", took.as_millis()));
    if then_stop {
        return Ok(());
    }
    look_around(&forest, &service)?;
    wait()
}

fn look_around(forest: &Forest, service: &Service) -> anyhow::Result<()> {
    let data_dir = service.data_dir();
    let data_dir = data_dir.display();
    let lockstep = program("lockstep")?;
    let lockstep = lockstep.display();
    let address = forest.dc().address();
    let url = service.url();
    output::step("look around, in another terminal");
    output::words(&format!(
        "the directory     {lockstep} user list --data-dir {data_dir}\n\
         one user          {lockstep} user get ada@corp.test --data-dir {data_dir}\n\
         what was done     {lockstep} log --follow --data-dir {data_dir}\n\
         how it stands     {lockstep} configuration show corp.test --data-dir {data_dir}\n\
         on the wire       curl --cacert {data_dir}/tls/ca.pem -H \"Authorization: Bearer $(cat \
         {data_dir}/admin-token)\" '{url}/v1.0/users?$top=3'\n\
         change something  printf 'dn: CN=Ada Lovelace,CN=Users,DC=corp,DC=test\\nchangetype: \
         modify\\nreplace: department\\ndepartment: Looms\\n' | LDAPTLS_REQCERT=never ldapmodify -x -H \
         ldaps://{address} -D Administrator@corp.test -w '{ADMIN_PASSWORD}'\n\n\
         Ctrl-C ends it and removes everything.\n"
    ));
    Ok(())
}

fn wait() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(tokio::signal::ctrl_c())
        .context("could not wait for Ctrl-C")
}
