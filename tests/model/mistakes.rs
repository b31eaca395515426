//! Things done wrong, one at a time: a checker that finds none of them proves nothing.

/// What is done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// Leave is not asked for again after the intent is durable.
    SkipTheSecondPermit,
    /// The intent is written when the answer is there.
    IntentAfterTheCall,
    /// A call that failed is repeated by the intent of before.
    ReuseTheIntent,
    /// What was sent is counted by the process and not by the journal.
    BudgetInMemory,
    /// A leave is not counted before it is an intent.
    LeaveUncounted,
    /// A send counts when it is answered.
    CountAtTheAnswer,
    /// A send that failed does not count.
    RefundFailures,
    /// An answer "no such link" counts as converged.
    TakeNotFoundForConverged,
    /// An answer "done" counts as converged.
    TrustTheAnswer,
    /// The lock of a process that lives can be taken over.
    UnlockOnTimeout,
    /// The lock of a process that died cannot.
    KeepTheLockOfTheDead,
    /// A process that starts does not look at calls without an answer.
    ForgetOpenIntents,
    /// An answer that the journal could not take is as good as one that it took.
    GoOnAfterAnUnwrittenAnswer,
    /// Calls go on while the manifests are changing.
    ActOnAnUnsettledTree,
    /// Calls go on while a revision that was read is written to the journal.
    PermitWhileRecording,
    /// A process that starts goes by its last accepted revision before it has looked at the files.
    StartUnread,
    /// What was planned is done, whatever was accepted since.
    PlanSurvivesAnEdit,
    /// A confirmation serves for every try that fails.
    ConfirmOnce,
    /// A call whose answer was lost is repeated at once.
    RepeatUnread,
    /// Pauses hold plans, and no calls of plans that are under way.
    PauseHoldsPlansOnly,
    /// An entry is written without reading what others wrote before it.
    AppendWithoutReading,
    /// A lost answer is waited for until the link is gone.
    WaitForever,
}
