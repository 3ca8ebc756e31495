"""The steps of a server at which somebody is killed, and what stands there.

A step is a method of the package of the batch server (or of a class that is named in full); where
it begins, or with ``:exit`` where it ends. A method that was renamed is to be renamed here, too: a
step that there isn't fails the tests that use it.
"""

from __future__ import annotations

from typing import NamedTuple


class ServerStep(NamedTuple):
    """A step: where the server stands, and in words."""

    name: str
    meaning: str


SERVER_STEPS = tuple(
    ServerStep(*step)
    for step in [
        # the handshake
        ("ClientListener.accept:exit", "a connection is accepted"),
        ("ClientSession.hello", "HELLO has come"),
        ("Connection.accept:exit", "the control region is mapped"),
        ("Dispatcher.connected:exit", "the client is watched, WELCOME not sent"),
        ("ClientSession.send:exit", "an answer is sent"),
        # regions
        ("ClientSession.register", "REGISTER has come"),
        ("RegionTable.register:exit", "a region is mapped, OK not sent"),
        ("ClientSession.release", "RELEASE has come"),
        ("RegionTable.unmap", "a region is about to be unmapped"),
        ("ClientSession.regionUnmapped", "a region is unmapped, OK not sent"),
        # submissions
        ("SubmissionRing.take", "a submission is published"),
        ("SubmissionRing.take:exit", "a submission is taken"),
        ("BlockDecoder.decode", "a block is about to be copied"),
        ("BlockDecoder.decode:exit", "a block is checked"),
        ("BatchBinder.plan:exit", "outputs are planned"),
        ("BatchBinder.bind:exit", "memory is leased"),
        ("ClientBatches.addPrepared:exit", "a prepared batch is kept, not told"),
        ("StatusArea.begin:exit", "the status area is cleared"),
        # work
        ("BatchExecution.runHere", "a small batch is about to run"),
        ("ClientBatches.addInFlight:exit", "a batch is about to go to the workers"),
        ("BatchExecution.progressed", "progress is about to be told"),
        ("BatchExecution.itemEnded", "an item has ended, its status not written"),
        ("StatusArea.done:exit", "the status of an item is written"),
        ("BatchExecution.batchEnded", "all items have ended"),
        ("WaitingItems.add:exit", "items wait for space"),
        ("WaitingItems.beginResume", "waiting items are about to go on"),
        ("ClientBatches.cancel", "CANCEL is taken"),
        ("ClientBatches.forget", "FORGET is taken, or the end of what waited"),
        # completions
        ("ClientBatches.ended", "a batch leaves the books"),
        ("CompletionRing.post", "outputs are whole, the completion not visible"),
        ("CompletionRing.post:exit", "the completion is visible, no bell rung"),
        ("io.tensorbridge.shm.Doorbell.ring", "a bell is about to be rung"),
        # the end of a client
        ("ClientSession.leave", "a client is about to leave"),
        ("ClientBatches.close", "its batches are about to be cancelled"),
        ("ClientSession.finish", "its last chunk has ended"),
        ("RegionTable.close", "its regions are about to be released"),
        ("Connection.close", "its control region is about to be unmapped"),
        ("Dispatcher.finished", "it is forgotten"),
    ]
)
