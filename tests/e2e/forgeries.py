# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Clones in which a file's content was changed, and all was done to hide it.

Each of these changes is of another part of the file system: contents, inodes, what leads from one
to the other, names. A scan that knows the template must find what a scan of everything finds.
"""

import struct

from harness import equal, scratch, true
from templates import (BLOCK, CLUSTER, FORGED, PARTITION, ask, assert_found, blocks, clone_of,
                       debugfs, editing, extent_node, forged, free_blocks, inode_of, on_root, peek,
                       poke, seal_extent_node, stat_of, table_of, template, tool)

# Where the first extent of an inode, and of a node, begins, in words of 32 bits.
FIRST_START = 5
FIRST_START_IN_NODE = 5


def forge(name, change, *paths, status=1):
    """CHANGE gets the clone's disk; the forged content is found in PATHS, and in nothing else."""
    clone = clone_of(template().path, name)
    with editing(clone) as raw:
        change(raw)
    report, files, _ = template().scan_and_compare(clone, status=status)
    assert_found(report, files, *paths)
    true(report["stats"]["unread"] > 200, f"most is not read: {report['stats']['unread']}")
    return report, files


def evil(size=2500):
    """A file on the host with the forged content."""
    path = scratch / "evil"
    path.write_bytes(forged(size))
    return path


def disguise(raw, path, stat):
    debugfs(raw, *(f"sif {path} {field} {value}" for field, value in stat.items()))
    equal(stat_of(raw, path), stat, "what can be seen of it")


def redirect(raw, path, block):
    """The first extent of an inode."""
    stat = stat_of(raw, path)
    debugfs(raw, f"sif {path} block[{FIRST_START}] {block}")
    equal(stat_of(raw, path), stat, "what can be seen of it")
    equal(blocks(raw, path)[0], block, "where it is now")


def forge_free_block(raw, count=1):
    block = free_blocks(raw, count)
    poke(raw, block, forged(count * BLOCK))
    return block


def test_content_in_place():
    def change(raw):
        stat = stat_of(raw, "/srv/content")
        poke(raw, blocks(raw, "/srv/content")[1], forged(BLOCK))
        equal(stat_of(raw, "/srv/content"), stat, "what can be seen of it")
    report, _ = forge("in-place", change, "/srv/content")
    use = report["template"]
    equal((use["changed"], use["added"], use["removed"]), (1, 0, 0), "changes")


def test_inode_that_leads_to_a_new_file():
    def change(raw):
        debugfs(raw, f"write {evil()} /srv/new")
        redirect(raw, "/srv/redirected", blocks(raw, "/srv/new")[0])
    forge("to-new-file", change, "/srv/new", "/srv/redirected")


def test_inode_that_leads_to_free_blocks():
    forge("to-free-blocks", lambda raw: redirect(raw, "/srv/redirected", forge_free_block(raw, 3)),
          "/srv/redirected")


def test_inode_that_leads_to_another_file_of_the_template():
    # Nothing that was read is new: only the inode says that the content is another one.
    forge("to-other", lambda raw: redirect(raw, "/srv/redirected", blocks(raw, "/srv/other")[0]),
          status=0)


def test_inode_that_leads_to_what_was_never_scanned():
    # The template has it behind the end of a file. Nothing is written but the inode.
    forge("to-slack", lambda raw: redirect(raw, "/srv/redirected", blocks(raw, "/srv/slack")[0]),
          "/srv/redirected")


def test_inode_that_is_used_again():
    def change(raw):
        number, stat = inode_of(raw, "/srv/replaced"), stat_of(raw, "/srv/replaced")
        debugfs(raw, "rm /srv/replaced", f"write {evil()} /srv/new")
        tries = 0
        while inode_of(raw, "/srv/new") != number:
            tries += 1
            debugfs(raw, f"ln /srv/new /srv/many/x-{tries}", "unlink /srv/new",
                    f"write {evil()} /srv/new")
        debugfs(raw, "ln /srv/new /srv/replaced", "unlink /srv/new")
        disguise(raw, "/srv/replaced", stat)
        equal(inode_of(raw, "/srv/replaced"), number, "its inode")
    forge("used-again", change, "/srv/replaced")


def test_new_name_of_a_changed_file():
    def change(raw):
        debugfs(raw, "ln /srv/content /srv/new-name", "sif /srv/content links_count 2")
        poke(raw, blocks(raw, "/srv/new-name")[0], forged(BLOCK))
    forge("new-name", change, "/srv/content", "/srv/new-name")


def test_content_that_was_changed_by_another_name():
    forge("other-name", lambda raw: poke(raw, blocks(raw, "/srv/also-linked")[0], forged(BLOCK)),
          "/srv/also-linked", "/srv/linked")


def test_size_that_shows_what_lies_behind_the_end():
    # The template has had it there, where nobody looked. No block of the file was written.
    forge("longer", lambda raw: debugfs(raw, f"sif /srv/slack size {BLOCK}"), "/srv/slack")


def test_size_that_hides_the_end():
    _, files = forge("shorter", lambda raw: debugfs(raw, "sif /srv/grown size 1000"), status=0)
    equal(on_root(files, "/srv/grown")["source"], "engine", "source")


def test_generation():
    # Another file under that number, maybe: it is read, and found to have the same content.
    unread = template().count_unread()
    report, files = forge("generation", lambda raw: debugfs(raw, "sif /srv/dated generation 77"),
                          status=0)
    equal(report["stats"]["unread"], unread - 1, "unread")
    equal(report["stats"]["scanned"], 0, "scanned")
    equal(on_root(files, "/srv/dated")["source"], "template", "source")


def test_node_of_the_extent_tree():
    # Nothing is written but the node, and what lies beside it is the file's no more.
    def change(raw):
        number = extent_node(raw, "/srv/islands")
        node = bytearray(peek(raw, number))
        entries = struct.unpack_from("<H", node, 2)[0]
        for entry in range(entries):
            struct.pack_into("<I", node, 4 * FIRST_START_IN_NODE + 12 * entry,
                             blocks(raw, "/srv/slack")[0])
        poke(raw, number, seal_extent_node(raw, "/srv/islands", node))
    forge("node", change, "/srv/islands")


def test_node_of_the_extent_tree_elsewhere():
    # The old node is as it was; the inode names a copy.
    def change(raw):
        node = bytearray(peek(raw, extent_node(raw, "/srv/islands")))
        struct.pack_into("<I", node, 4 * FIRST_START_IN_NODE, forge_free_block(raw, 4))
        copy = free_blocks(raw, 1, CLUSTER // BLOCK)
        poke(raw, copy, seal_extent_node(raw, "/srv/islands", node))
        debugfs(raw, f"sif /srv/islands block[4] {copy}")
    forge("node-elsewhere", change, "/srv/islands")


def test_name_of_another_inode():
    def change(raw):
        debugfs(raw, f"write {evil()} /srv/new")
        number = inode_of(raw, "/srv/new")
        debugfs(raw, "unlink /srv/new", "unlink /srv/entry", f"ln <{number}> /srv/entry")
    report, _ = forge("entry", change, "/srv/entry")
    equal((report["template"]["added"], report["template"]["removed"]), (1, 1), "changes")


def test_names_that_were_exchanged():
    def change(raw):
        numbers = [inode_of(raw, f"/srv/{name}") for name in ("entry", "second")]
        debugfs(raw, "unlink /srv/entry", "unlink /srv/second", f"ln <{numbers[1]}> /srv/entry",
                f"ln <{numbers[0]}> /srv/second")
    report, _ = forge("exchanged", change, status=0)
    equal(report["stats"]["scanned"], 0, "scanned")
    equal(report["template"]["changed"], 0, "changed")


def move_table(raw, path):
    """The inodes of a file's group, to a copy."""
    group, start, count = table_of(raw, path)
    copy = free_blocks(raw, count, CLUSTER // BLOCK)
    poke(raw, copy, peek(raw, start, count))
    debugfs(raw, f"set_block_group {group} inode_table {copy}",
            f"set_block_group {group} checksum calc")


def test_inode_table_elsewhere():
    def change(raw):
        move_table(raw, "/srv/moved")
        redirect(raw, "/srv/moved", forge_free_block(raw, 3))
    forge("table", change, "/srv/moved")


def test_inode_table_elsewhere_and_as_it_was():
    report, _ = forge("same-table", lambda raw: move_table(raw, "/srv/moved"), status=0)
    equal(report["stats"]["unread"], template().count_unread(), "unread")


def test_clusters_of_zeros():
    # They hold nothing and were written all the same.
    for command in "write -z", "discard":
        clone = clone_of(template().path, "zeros")
        with editing(clone) as raw:
            place = PARTITION + blocks(raw, "/srv/zeroed")[0] * BLOCK
        place -= place % CLUSTER
        tool("qemu-io", "-f", "qcow2", "-c", f"{command} {place} {CLUSTER}", clone)
        report, files, _ = template().scan_and_compare(clone, status=0)
        equal(on_root(files, "/srv/zeroed")["source"], "engine", "source")
        true(report["template"]["changed"] >= 1, "changed")


def test_many_at_once():
    # As much as a machine changes in some time, in many places at once.
    def change(raw):
        for number in range(0, 200, 7):
            poke(raw, blocks(raw, f"/srv/many/file-{number}")[0], forged(200))
        assert FORGED in peek(raw, blocks(raw, "/srv/many/file-7")[0])
    clone = clone_of(template().path, "many")
    with editing(clone) as raw:
        change(raw)
        true("clean" in ask(raw, "stats -h"), "the file system is clean")
    report, files, _ = template().scan_and_compare(clone, status=1)
    assert_found(report, files, *(f"/srv/many/file-{number}" for number in range(0, 200, 7)))


TESTS = (
    test_content_in_place,
    test_inode_that_leads_to_a_new_file,
    test_inode_that_leads_to_free_blocks,
    test_inode_that_leads_to_another_file_of_the_template,
    test_inode_that_leads_to_what_was_never_scanned,
    test_inode_that_is_used_again,
    test_new_name_of_a_changed_file,
    test_content_that_was_changed_by_another_name,
    test_size_that_shows_what_lies_behind_the_end,
    test_size_that_hides_the_end,
    test_generation,
    test_node_of_the_extent_tree,
    test_node_of_the_extent_tree_elsewhere,
    test_name_of_another_inode,
    test_names_that_were_exchanged,
    test_inode_table_elsewhere,
    test_inode_table_elsewhere_and_as_it_was,
    test_clusters_of_zeros,
    test_many_at_once,
)
