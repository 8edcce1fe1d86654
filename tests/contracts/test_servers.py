"""The contracts of `Servers` and `Channels`: what they ask beyond the common base."""

from __future__ import annotations

import pytest

from dinerapp.replication.errors import NotFound
from dinerapp.replication.identity import new_id, new_op_id
from tests.contracts.over import over_what_answers_questions
from tests.contracts.samples import Repositories, all_pages, ids
from tests.factories import at, channel, server

ONE, OTHER = new_id(), new_id()


@over_what_answers_questions
class TestServers:
    """Servers by their invite codes."""

    def test_a_server_is_found_by_its_invite_code(self, repositories: Repositories) -> None:
        saved = [repositories.servers.save(server()) for _ in range(3)]
        assert repositories.servers.by_invite(saved[1].invite_code) == saved[1]

    def test_a_code_that_was_renewed_finds_nobody(self, repositories: Repositories) -> None:
        saved = repositories.servers.save(server())
        renewed = repositories.servers.save(
            saved.with_changes(op_id=new_op_id(), now=at(1), invite_code="another")
        )
        assert repositories.servers.by_invite("another") == renewed
        with pytest.raises(NotFound):
            repositories.servers.by_invite(saved.invite_code)

    @pytest.mark.parametrize("code", ["", "NOBODYS", "\0", "\ud800", "x" * 10_000])
    def test_a_code_nobody_has_finds_nobody(self, repositories: Repositories, code: str) -> None:
        with pytest.raises(NotFound):
            repositories.servers.by_invite(code)

    def test_a_deleted_server_is_not_found(self, repositories: Repositories) -> None:
        saved = repositories.servers.save(server())
        repositories.servers.delete(saved.with_changes(op_id=new_op_id(), now=at(1)))
        with pytest.raises(NotFound):
            repositories.servers.by_invite(saved.invite_code)


@over_what_answers_questions
class TestChannels:
    """Channels of one server in pages, and of several at once."""

    def test_pages_hold_every_channel_of_a_server_once(self, repositories: Repositories) -> None:
        kept = repositories.channels
        saved = [kept.save(channel(server_id=ONE, created_at=at(n))) for n in range(5)]
        kept.save(channel(server_id=OTHER))
        assert ids(all_pages(lambda after, n: kept.page(ONE, after, n), 2)) == ids(saved[::-1])
        assert kept.page(new_id(), None, 10).items == ()

    def test_channels_of_several_servers_come_oldest_first(
        self, repositories: Repositories
    ) -> None:
        kept = repositories.channels
        saved = [
            kept.save(channel(server_id=server_id, created_at=at(n)))
            for n, server_id in enumerate((OTHER, ONE, OTHER))
        ]
        gone = kept.save(channel(server_id=ONE))
        kept.delete(gone.with_changes(op_id=new_op_id(), now=at(9)))
        kept.save(channel())
        assert ids(kept.of_servers([ONE, OTHER], 10)) == ids(saved)
        assert ids(kept.of_servers([ONE, OTHER], 2)) == ids(saved[:2])
        assert ids(kept.of_servers([], 10)) == []
