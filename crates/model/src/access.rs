//! Who may do what: one table, one function, and a proof that only that function can make.
//!
//! Repositories, exports and live streams ask for an [`Authorised`] of the right action; its constructor is private to this
//! module, so a page that forgot to ask does not compile (decisions, Authorisation).

use crate::ids::{SiteId, UserId, ZoneId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::marker::PhantomData;

crate::asset::named! {
    /// What a person is in the company. `who` of catalogue/documents/measures.yaml maps to these: vendor → partner,
    /// general_user → employee, plant manager → executive.
    Role {
        /// Plant manager or owner.
        Executive = "executive",
        /// Answers for security.
        SecurityAdmin = "security_admin",
        /// Runs the computers and Hinomi itself.
        SystemAdmin = "system_admin",
        /// Runs the machines.
        SiteEngineer = "site_engineer",
        /// Works here.
        Employee = "employee",
        /// A company that looks after our systems.
        Partner = "partner",
        /// Looks, and changes nothing.
        Auditor = "auditor",
    }
}

/// A role, for a whole site or one zone of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// Which role.
    pub role: Role,
    /// Where: absent for every site of this installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
    /// Where: absent for the whole site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<ZoneId>,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account; absent for the machine's own command line.
    pub user: Option<UserId>,
    /// What to call them in the audit log.
    pub name: String,
    /// What they are, where.
    pub grants: Vec<Grant>,
    /// They are logged in with the one-time password and may do nothing but change it.
    pub must_change_password: bool,
}

impl Principal {
    /// The person at the machine itself, who can read the files anyway: `hinomi assets list` and the like.
    pub fn machine() -> Principal {
        Principal {
            user: None,
            name: String::from("hinomi command line"),
            grants: vec![
                Grant { role: Role::SystemAdmin, site: None, zone: None },
                Grant { role: Role::SecurityAdmin, site: None, zone: None },
            ],
            must_change_password: false,
        }
    }
}

/// Something that can be done, with the roles that may. Implemented only here.
pub trait Action: sealed::Sealed + Copy {
    /// Name in the audit log and the route table.
    const NAME: &'static str;
    /// Who may.
    const ROLES: &'static [Role];
    /// Allowed while the password must still be changed.
    const BEFORE_PASSWORD_CHANGE: bool = false;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, [$($role:ident),*] $(, before_password_change = $b:literal)?;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;
            impl sealed::Sealed for $name {}
            impl Action for $name {
                const NAME: &'static str = $text;
                const ROLES: &'static [Role] = &[$(Role::$role),*];
                $(const BEFORE_PASSWORD_CHANGE: bool = $b;)?
            }
        )+
        /// Every action with the roles that may, for the page and the snapshot of routes.
        pub const ACTIONS: &[(&str, &[Role])] = &[$(($text, &[$(Role::$role),*])),+];
    };
}

actions! {
    /// See the front page and the state of the sensors.
    ViewToday = "view_today", [Executive, SecurityAdmin, SystemAdmin, SiteEngineer, Employee, Partner, Auditor];
    /// See assets and what they talk to.
    ViewAssets = "view_assets", [Executive, SecurityAdmin, SystemAdmin, SiteEngineer, Partner, Auditor];
    /// Register, edit, deny, retire assets; import a list.
    EditAssets = "edit_assets", [SecurityAdmin, SystemAdmin, SiteEngineer];
    /// Take the ledger out as a file.
    ExportAssets = "export_assets", [Executive, SecurityAdmin, SystemAdmin, SiteEngineer, Partner, Auditor];
    /// See findings and the records behind them.
    ViewFindings = "view_findings", [Executive, SecurityAdmin, SystemAdmin, SiteEngineer, Partner, Auditor];
    /// Acknowledge, explain, close findings.
    HandleFindings = "handle_findings", [SecurityAdmin, SystemAdmin, SiteEngineer];
    /// See raw events.
    ViewEvents = "view_events", [SecurityAdmin, SystemAdmin, SiteEngineer, Partner, Auditor];
    /// See what people did in Hinomi, among the records.
    ViewAudit = "view_audit", [SecurityAdmin, SystemAdmin, Auditor];
    /// See settings.
    ViewSettings = "view_settings", [Executive, SecurityAdmin, SystemAdmin, SiteEngineer, Partner, Auditor];
    /// Change settings: zones, sensors' names, site, retention.
    EditSettings = "edit_settings", [SystemAdmin, SecurityAdmin];
    /// Make accounts and give roles.
    ManageUsers = "manage_users", [SystemAdmin];
    /// Own language, theme, password.
    OwnSettings = "own_settings", [Executive, SecurityAdmin, SystemAdmin, SiteEngineer, Employee, Partner, Auditor], before_password_change = true;
}

/// Proof that `A` was allowed to somebody, at a site and zone.
#[derive(Clone, Debug)]
pub struct Authorised<A: Action> {
    user: Option<UserId>,
    name: String,
    site: SiteId,
    zone: Option<ZoneId>,
    action: PhantomData<A>,
}

impl<A: Action> Authorised<A> {
    /// Who was allowed.
    pub fn user(&self) -> Option<UserId> {
        self.user
    }
    /// What to call them in the audit log.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Where.
    pub fn site(&self) -> SiteId {
        self.site
    }
    /// Only within this zone, where one is given: what is listed must be filtered by it.
    pub fn zone(&self) -> Option<ZoneId> {
        self.zone
    }
    /// The action's name.
    pub fn action(&self) -> &'static str {
        A::NAME
    }
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No role of theirs may do this here.
    Role {
        /// The action.
        action: &'static str,
    },
    /// The one-time password must be changed first.
    PasswordChange,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denied::Role { action } => write!(f, "no role of this account may {action} here"),
            Denied::PasswordChange => f.write_str("the one-time password must be changed first"),
        }
    }
}
impl std::error::Error for Denied {}

/// The one place where it is decided. `zone` absent asks for the whole site: somebody whose roles reach only one zone then gets
/// a proof that carries that zone, and lists are filtered by it.
pub fn authorise<A: Action>(principal: &Principal, _action: A, site: SiteId, zone: Option<ZoneId>) -> Result<Authorised<A>, Denied> {
    if principal.must_change_password && !A::BEFORE_PASSWORD_CHANGE {
        return Err(Denied::PasswordChange);
    }
    let fitting = principal.grants.iter().filter(|g| A::ROLES.contains(&g.role) && g.site.is_none_or(|s| s == site));
    let mut narrowed = None;
    for grant in fitting {
        let proof = |zone| Authorised { user: principal.user, name: principal.name.clone(), site, zone, action: PhantomData };
        match (grant.zone, zone) {
            (None, z) => return Ok(proof(z)),
            (Some(g), Some(z)) if g == z => return Ok(proof(Some(z))),
            (Some(g), None) => narrowed = Some(proof(Some(g))),
            (Some(_), Some(_)) => {}
        }
    }
    narrowed.ok_or(Denied::Role { action: A::NAME })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn someone(role: Role, zone: Option<ZoneId>) -> Principal {
        Principal { user: None, name: "x".into(), grants: vec![Grant { role, site: None, zone }], must_change_password: false }
    }

    #[test]
    fn auditors_look_and_change_nothing() {
        let p = someone(Role::Auditor, None);
        assert!(authorise(&p, ViewAssets, SiteId::NIL, None).is_ok());
        assert_eq!(authorise(&p, EditAssets, SiteId::NIL, None).unwrap_err(), Denied::Role { action: "edit_assets" });
    }

    #[test]
    fn a_zone_narrows_what_is_listed_and_closes_the_rest() {
        let mine = ZoneId(Uuid::from_u128(1));
        let other = ZoneId(Uuid::from_u128(2));
        let p = someone(Role::SiteEngineer, Some(mine));
        assert_eq!(authorise(&p, EditAssets, SiteId::NIL, None).unwrap().zone(), Some(mine));
        assert!(authorise(&p, EditAssets, SiteId::NIL, Some(mine)).is_ok());
        assert!(authorise(&p, EditAssets, SiteId::NIL, Some(other)).is_err());
    }

    #[test]
    fn nothing_but_the_password_before_it_is_changed() {
        let mut p = someone(Role::SystemAdmin, None);
        p.must_change_password = true;
        assert_eq!(authorise(&p, ViewToday, SiteId::NIL, None).unwrap_err(), Denied::PasswordChange);
        assert!(authorise(&p, OwnSettings, SiteId::NIL, None).is_ok());
    }

    #[test]
    fn a_role_at_another_site_opens_nothing_here() {
        let mut p = someone(Role::SystemAdmin, None);
        p.grants[0].site = Some(SiteId(Uuid::from_u128(7)));
        assert!(authorise(&p, ViewToday, SiteId::NIL, None).is_err());
    }
}
