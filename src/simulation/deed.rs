//! What can go wrong, and what people do: one word each.

/// One thing that happens to a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// A2: errors before or after a call was carried out.
    ServerErrors,
    /// A4: answers are lost.
    LostAnswers,
    /// A3: nothing can be sent.
    Unreachable,
    /// A31: connections break before the call is carried out.
    Resets,
    /// A12: a proxy answers in HTML.
    Html,
    /// A1: so many calls a clock minute.
    MinuteQuota,
    /// A1: so many calls a second.
    SecondQuota,
    /// A13: answers take longer than the deadline, now and then.
    SlowAnswers,
    /// Calls take long.
    Latency,
    /// A5: a detached link is listed for a while.
    DetachLag,
    /// A5: an attached link is not listed for a while.
    AttachLag,
    /// A6: reads answer as of a while ago.
    StaleReads,
    /// A7: pages shift.
    PageShift,
    /// A9: the total changes between pages.
    TotalSkew,
    /// A7: the order of links changes from call to call.
    Shuffled,
    /// A8, A10: reads by id count links that they do not list, and pages repeat one in the place of another.
    ShortAnswers,
    /// A14: a link of elsewhere is listed.
    ForeignLink,
    /// A15: an id makes every read fail that names it.
    PoisonId,
    /// A16: detaches answer that the instance does not exist.
    NotFound,
    /// A17: detaches are accepted and change nothing.
    Disputed,
    /// A18: the instance is in transition.
    InTransition,
    /// A18: the cloud refuses the link.
    CloudDenied,
    /// A19: the right to detach is taken away.
    NoRightToWrite,
    /// A19: the right to read is taken away.
    NoRightToRead,
    /// A20: reads leave out a part of the links.
    Hidden,
    /// A25: the key is refused.
    KeyDisabled,
    /// A24: the credential is of another account.
    ForeignCredential,
    /// A24: the key ends soon, and the next one comes when it comes.
    KeyEnds,
    /// A24: the next key is another account's.
    ForeignRenewal,
    /// A26: the region is down.
    RegionDown,
    /// A32: the action is retired.
    Retired,
    /// H1: links come back after they were detached.
    Reattaching,
    /// H1: a person attaches what nobody lists.
    HandAttach,
    /// A person detaches a link that is listed.
    HandDetach,
    /// An instance is released.
    Release,
    /// P8: the wall clock of the host is set forward.
    ClockForward,
    /// P8: it is set back.
    ClockBack,
    /// P8: it is set days ahead.
    ClockAhead,
    /// A21: it is off by less than a minute, either way.
    ClockSkew,
    /// P4: the disk is full.
    DiskFull,
    /// P4: every other write fails.
    DiskFlaky,
    /// P11: a write takes long.
    DiskSlow,
    /// P1: the process is killed at an effect that is yet to come.
    KillSoon,
    /// P1: the process is killed now, and comes back later.
    KillNow,
    /// P2: the power goes, and with it what the disk does not have for good yet.
    PowerCut,
    /// P12: the process is asked to end, and started again.
    Restart,
    /// P1: no process runs for a day, and the world goes on.
    HostAway,
    /// D4: a file is half written.
    HalfWritten,
    /// D4: a file ends in the middle of an id.
    CutShort,
    /// D8: a file is no manifest.
    Invalid,
    /// D2: the tree cannot be read.
    Unreadable,
    /// D1: the tree is empty.
    Emptied,
    /// D20: events are lost.
    EventsLost,
    /// D5: a checkout changes one file after the other.
    SlowCheckout,
    /// D17: a file is renamed away.
    FileAway,
    /// D9: an instance stands in the manifests of two VPCs, or modes of one VPC differ.
    Contradiction,
    /// A link more is listed, or one less.
    EditOne,
    /// Several links are not listed any more.
    EditMany,
    /// H2: half of everything is not listed any more.
    EditMass,
    /// An instance is listed for another VPC than before.
    EditMove,
    /// H2: other instances are listed than before, and none of those.
    EditReplace,
    /// H2: links move from file to file, and all files together say the same.
    EditSpread,
    /// The manifests change while no process runs.
    EditAway,
    /// D18: the manifests are as they were before.
    Rollback,
    /// The mode changes.
    EditMode,
    /// How much may go at once changes.
    EditLimits,
    /// A link is protected, or is not any more.
    EditProtection,
    /// A scope is not declared any more.
    ScopeReleased,
    /// H3: a few links less, again and again.
    Salami,
    /// H9: a person pauses.
    Pause,
    /// H9: a person puts the pause file, which a resume takes away.
    PauseFile,
    /// A person resumes.
    Resume,
    /// H8: a person approves what is held.
    Approve,
    /// A person gives back what was detached.
    Undo,
    /// What is wrong with the cloud and the host ends.
    Calm,
}

impl Deed {
    /// What makes work, so that something is under way when something else happens.
    pub const WORK: [Self; 9] = [
        Self::HandAttach,
        Self::Reattaching,
        Self::EditOne,
        Self::EditMany,
        Self::EditMass,
        Self::EditProtection,
        Self::Salami,
        Self::Approve,
        Self::Restart,
    ];

    /// Every deed.
    pub const ALL: [Self; 75] = [
        Self::ServerErrors,
        Self::LostAnswers,
        Self::Unreachable,
        Self::Resets,
        Self::Html,
        Self::MinuteQuota,
        Self::SecondQuota,
        Self::SlowAnswers,
        Self::Latency,
        Self::DetachLag,
        Self::AttachLag,
        Self::StaleReads,
        Self::PageShift,
        Self::TotalSkew,
        Self::Shuffled,
        Self::ShortAnswers,
        Self::ForeignLink,
        Self::PoisonId,
        Self::NotFound,
        Self::Disputed,
        Self::InTransition,
        Self::CloudDenied,
        Self::NoRightToWrite,
        Self::NoRightToRead,
        Self::Hidden,
        Self::KeyDisabled,
        Self::ForeignCredential,
        Self::KeyEnds,
        Self::ForeignRenewal,
        Self::RegionDown,
        Self::Retired,
        Self::Reattaching,
        Self::HandAttach,
        Self::HandDetach,
        Self::Release,
        Self::ClockForward,
        Self::ClockBack,
        Self::ClockAhead,
        Self::ClockSkew,
        Self::DiskFull,
        Self::DiskFlaky,
        Self::DiskSlow,
        Self::KillSoon,
        Self::KillNow,
        Self::PowerCut,
        Self::Restart,
        Self::HostAway,
        Self::HalfWritten,
        Self::CutShort,
        Self::Invalid,
        Self::Unreadable,
        Self::Emptied,
        Self::EventsLost,
        Self::SlowCheckout,
        Self::FileAway,
        Self::Contradiction,
        Self::EditOne,
        Self::EditMany,
        Self::EditMass,
        Self::EditMove,
        Self::EditReplace,
        Self::EditSpread,
        Self::EditAway,
        Self::Rollback,
        Self::EditMode,
        Self::EditLimits,
        Self::EditProtection,
        Self::ScopeReleased,
        Self::Salami,
        Self::Pause,
        Self::PauseFile,
        Self::Resume,
        Self::Approve,
        Self::Undo,
        Self::Calm,
    ];
}

impl std::fmt::Display for Deed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}
