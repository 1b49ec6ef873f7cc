#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
"""Clones of a template, and what else may have become of its disk; forgeries; older signatures."""

import json
import os
import shutil

import forgeries
import trust
from harness import equal, main, paths_of, run, scan, scan_several, scratch, true
from templates import (BLOCK, FORGED, PARTITION, ROOT_MIB, ask, assert_found, blocks, clone_of,
                       debugfs, digest, editing, forged, inode_of, on_root, poke, stat_of, table_of,
                       template, text_of, tool, write_database)

NOT_UPON = "it does not lie upon the template"


def assert_unchanged(report, *, unread=None):
    """Nothing had to be scanned, and there is nothing new."""
    use, stats = report["template"], report["stats"]
    equal((use["changed"], use["added"], use["removed"]), (0, 0, 0), "changes")
    equal(use["unchanged"], template().count_unread() - 2, "unchanged")
    equal(stats["unread"], template().count_unread() if unread is None else unread, "unread")
    equal((stats["scanned"], stats["seconds"]["load"]), (0, 0), "scanned, seconds of loading")
    true(use["verdicts_taken"], "the template's verdicts count")


def changed(clone, *paths):
    """The forged content in the first block of each."""
    with editing(clone) as raw:
        for path in paths:
            poke(raw, blocks(raw, path)[0], forged(BLOCK))
    return clone


def restored(clone, *names):
    with editing(clone) as raw:
        for name in names:
            poke(raw, blocks(raw, f"/srv/{name}")[0], text_of(name)[:BLOCK])
    return clone


def test_untouched_clone():
    report, files, done = template().scan_and_compare(clone_of(template().path, "untouched"))
    assert_unchanged(report)
    equal(done.stderr, "", "messages")
    equal({entry["source"] for entry in files.values()}, {"template", "hardlink", "empty"},
          "sources")


def test_times_of_access():
    clone = clone_of(template().path, "read")
    with editing(clone) as raw:
        tables = {f"/srv/many/file-{number}": table_of(raw, f"/srv/many/file-{number}")
                  for number in range(0, 200, 11)}
        # Behind the last inodes lies the content of a file, in a cluster with them.
        last = max(start for _, start, _ in tables.values())
        paths = [path for path, (_, start, _) in tables.items() if start < last]
        groups = {tables[path][0] for path in paths}
        true(len(groups) > 2, f"block groups {groups}")
        debugfs(raw, *(f"sif {path} {change}" for path in paths
                       for change in ("atime @1800000000", "atime_extra 0x1234")))
        equal(stat_of(raw, paths[0])["atime"], "@1800000000", "time of access")
    report, _, _ = template().scan_and_compare(clone)
    assert_unchanged(report)


def test_times_of_change():
    # As chmod leaves them: another state of the file, with the same content.
    clone = clone_of(template().path, "chmod")
    with editing(clone) as raw:
        debugfs(raw, "sif /srv/dated mode 0100600", "sif /srv/dated ctime @1800000000")
    report, files, _ = template().scan_and_compare(clone)
    assert_unchanged(report, unread=template().count_unread() - 1)
    equal(on_root(files, "/srv/dated")["source"], "template", "source")


def test_files_that_came_and_went():
    clone = clone_of(template().path, "came-and-went")
    (scratch / "new").write_bytes(text_of("something else"))
    (scratch / "copy").write_bytes(text_of("other"))
    with editing(clone) as raw:
        gone = inode_of(raw, "/srv/removed")
        # In this order no inode is used again.
        debugfs(raw, f"write {scratch}/new /srv/new", f"write {scratch}/copy /srv/copy",
                "rm /srv/removed", "rm /srv/many/file-3", "rm /etc/hostname")
        true(gone not in (inode_of(raw, "/srv/new"), inode_of(raw, "/srv/copy")), "other inodes")
    report, files, _ = template().scan_and_compare(clone)
    use = report["template"]
    equal((use["changed"], use["added"], use["removed"]), (0, 2, 3), "changes")
    equal(report["stats"]["scanned"], 1, "scanned: what is new, and no copy")
    equal(on_root(files, "/srv/new")["source"], "engine", "source of what is new")
    equal(on_root(files, "/srv/copy")["source"], "template", "source of a copy")
    true(("/srv/removed" not in {path for _, path in files}), "what is gone")


def test_clone_of_a_clone():
    first = changed(clone_of(template().path, "first"), "/srv/content")
    second = changed(clone_of(first, "second"), "/srv/other")
    third = clone_of(second, "third")
    for clone in second, third:
        report, files, _ = template().scan_and_compare(clone, "--allow-backing", scratch, status=1)
        assert_found(report, files, "/srv/content", "/srv/other")
        true(report["stats"]["unread"] > 200, "most is not read")
    # What the uppermost image covers is not there any more.
    fourth = restored(third, "content", "other")
    report, _, _ = template().scan_and_compare(fourth, "--allow-backing", scratch)
    equal((report["template"]["changed"], report["stats"]["scanned"]), (0, 0), "changes")


def test_own_cache():
    # Only the key is named: the clone has its cache in it, but what it lies upon is only its word.
    clone = changed(clone_of(template().path, "own"), "/srv/content")
    report, files, _ = scan(clone, "--pubkey", template().public, "--allow-backing",
                            template().path, database=template().database, status=1)
    assert_found(report, {(entry["fs"], entry["path"]): entry for entry in files}, "/srv/content")
    equal((report["stats"]["unread"], report["stats"]["scanned"]), (0, 1), "unread, scanned")
    report, _, done = scan(template().path, "--pubkey", template().public,
                           database=template().database, status=0)
    assert_unchanged(report, unread=0)
    true("no image of the template was named" in done.stderr, done.stderr)


def test_internal_snapshot():
    clone = clone_of(template().path, "snapshot")
    tool("qemu-img", "snapshot", "-c", "before", clone)
    changed(clone, "/srv/content")
    tool("qemu-img", "snapshot", "-c", "after", clone)
    restored(clone, "content")
    changed(clone, "/srv/other")
    for snapshot, paths in (("before", []), ("after", ["/srv/content"]), (None, ["/srv/other"])):
        options = ("--snapshot", snapshot) if snapshot else ()
        report, files, _ = template().scan_and_compare(clone, *options, status=1 if paths else 0)
        if paths:
            assert_found(report, files, *paths)
            true(report["stats"]["unread"] > 200, "most is not read")
        else:
            assert_unchanged(report)


def test_what_does_not_lie_upon_the_template():
    clone = clone_of(template().path, "apart")
    with editing(clone) as raw:
        debugfs(raw, "rm /srv/removed")
    unlike = {}
    for name, form in ("flat.qcow2", "qcow2"), ("flat.vmdk", "vmdk"), ("flat.raw", "raw"):
        unlike[name] = ["qemu-img", "convert", "-O", form, clone, scratch / name]
    shutil.copyfile(template().path, scratch / "template-copy.qcow2")
    shutil.copyfile(clone, scratch / "rebased.qcow2")
    unlike["rebased.qcow2"] = ["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b",
                               scratch / "template-copy.qcow2", scratch / "rebased.qcow2"]
    for name, command in unlike.items():
        tool(*command)
        format_options = ("--image-format", "raw") if name.endswith(".raw") else ()
        report, files, done = template().scan_and_compare(
            scratch / name, "--allow-backing", scratch, *format_options)
        true(NOT_UPON in done.stderr, f"{name}: {done.stderr}")
        use, stats = report["template"], report["stats"]
        equal((use["changed"], use["added"], use["removed"]), (0, 0, 1), f"changes of {name}")
        equal((stats["unread"], stats["scanned"], stats["seconds"]["load"]), (0, 0, 0),
              f"unread, scanned, seconds of loading of {name}")
        equal(on_root(files, "/srv/content")["source"], "template", "source")


def test_forgery_in_what_does_not_lie_upon_the_template():
    clone = changed(clone_of(template().path, "forged-apart"), "/srv/content")
    tool("qemu-img", "convert", "-O", "qcow2", clone, scratch / "forged-flat.qcow2")
    report, files, _ = template().scan_and_compare(scratch / "forged-flat.qcow2", status=1)
    assert_found(report, files, "/srv/content")
    equal(report["stats"]["scanned"], 1, "scanned")


def test_larger_disk():
    clone = clone_of(template().path, "larger")
    tool("qemu-img", "resize", "-q", clone, "+64M")
    with editing(clone) as raw:
        tool("/sbin/sfdisk", "-q", "--relocate", "gpt-bak-std", raw)
        tool("/sbin/sfdisk", "-q", "--no-reread", "--no-tell-kernel", "-N", "2", raw,
             input=b", +\n")
        start = PARTITION + (ROOT_MIB << 20)
        # resize2fs would cut the disk off where it thinks that its file ends.
        part = scratch / "part"
        part.write_bytes(raw.read_bytes()[start:-PARTITION])
        tool("/sbin/e2fsck", "-fp", part)
        tool("/sbin/resize2fs", part)
        with open(raw, "r+b") as file:
            file.seek(start)
            file.write(part.read_bytes())
        debugfs(raw, "rm /notes", f"write {scratch}/fstab /new", partition=start)
    report, files, _ = template().scan_and_compare(clone)
    use = report["template"]
    # The new file has the inode of the one that is gone.
    equal((use["changed"], use["added"], use["removed"]), (1, 0, 0), "changes")
    equal(report["stats"]["unread"], template().count_unread() - 1, "unread")
    true(any(path.endswith("/new") for _, path in files), "the new file")


def test_another_uuid():
    # tune2fs writes every inode again, for its checksum.
    clone = clone_of(template().path, "uuid")
    with editing(clone) as raw:
        tool("/sbin/e2fsck", "-fp", f"{raw}?offset={PARTITION}")
        tool("/sbin/tune2fs", "-f", "-U", "5eed0000-0000-4000-8000-0000000000cf",
             f"{raw}?offset={PARTITION}", input=b"y\n")
        poke(raw, blocks(raw, "/srv/content")[0], forged(BLOCK))
    report, files, _ = template().scan_and_compare(clone, status=1)
    assert_found(report, files, "/srv/content")
    equal(report["template"]["changed"], 1, "changed")
    # Small files lie beside directories, of which it writes the blocks again.
    true(report["stats"]["unread_bytes"] > report["stats"]["bytes"] / 2, "most is not read")


def test_running_machine():
    # The journal is to be replayed: the appliance reads that file system, and only that.
    clone = clone_of(template().path, "running")
    with editing(clone) as raw:
        debugfs(raw, "feature needs_recovery")
    report, files, _ = template().scan(clone)
    assert_unchanged(report, unread=1)
    equal(on_root(files, "/srv/content")["source"], "template", "source")


def test_change_that_is_in_the_journal_only():
    clone = clone_of(template().path, "journal")
    (scratch / "block").write_bytes(forged(BLOCK))
    with editing(clone) as raw:
        block = blocks(raw, "/srv/journal")[0]
        debugfs(raw, "journal_open", f"journal_write -b {block} {scratch}/block", "journal_close")
        true("needs_recovery" in ask(raw, "stats -h"), "a journal to be replayed")
        equal(blocks(raw, "/srv/journal")[0], block, "where the content is")
        with open(raw, "rb") as file:
            file.seek(PARTITION + block * BLOCK)
            equal(file.read(BLOCK), text_of("journal")[:BLOCK], "what lies there still")
    report, files, _ = template().scan(clone, status=1)
    assert_found(report, files, "/srv/journal")
    equal(report["template"]["changed"], 1, "changed")


def test_new_signatures():
    newer = write_database("newer", Test_Forged=FORGED.strip(),
                           Test_Outbreak=text_of("redirected")[:40])
    store = scratch / "fleet.db"
    first = clone_of(template().path, "fleet-1")
    second = changed(clone_of(template().path, "fleet-2"), "/srv/content")
    report, _, _ = template().scan(first, database=newer, store=store, status=1)
    equal([entry["path"] for entry in report["findings"]], ["/srv/redirected"], "found")
    true(not report["template"]["verdicts_taken"], "the template's verdicts do not count")
    equal(report["stats"]["scanned"], template().count_unread(), "scanned")
    report, _, _ = template().scan(first, database=newer, store=store, status=1)
    equal([entry["path"] for entry in report["findings"]], ["/srv/redirected"], "found again")
    equal((report["stats"]["scanned"], report["stats"]["seconds"]["load"]), (0, 0), "scanned")
    equal(report["stats"]["unread"], template().count_unread(), "unread the second time")
    report, _, _ = template().scan(second, database=newer, store=store, status=1)
    equal(sorted(entry["path"] for entry in report["findings"]),
          ["/srv/content", "/srv/redirected"], "found in another clone")
    equal(report["stats"]["scanned"], 1, "scanned of it: what is changed")


def test_older_verdicts_by_permission():
    newer = write_database("much-newer", Test_Forged=FORGED.strip(),
                           Test_Outbreak=text_of("redirected")[:40])
    for name in os.listdir(template().database):
        os.utime(template().database / name, (1700000000, 1700000000))
    clone = changed(clone_of(template().path, "old"), "/srv/content")
    report, files, _ = template().scan(clone, "--max-verdict-age", "10000", database=newer,
                                       status=1)
    equal([entry["path"] for entry in report["findings"]], ["/srv/content"], "found")
    equal(report["stats"]["scanned"], 1, "scanned: what is changed")
    true(report["template"]["verdicts_taken"], "the template's verdicts count")
    true(report["template"]["signatures_age"] >= 0, "their age")
    equal(on_root(files, "/srv/redirected")["source"], "template", "source")
    report, _, _ = template().scan(clone, "--max-verdict-age", "0", database=newer, status=1)
    equal(sorted(entry["path"] for entry in report["findings"]),
          ["/srv/content", "/srv/redirected"], "found without permission")


def test_clone_is_cleaned():
    clone = changed(clone_of(template().path, "cleaned"), "/srv/content")
    before = digest(template().path)
    report = scratch / "cleaned.json"
    done = run("clean", "--database", template().database, "--store", "none", "--template",
               template().path, "--pubkey", template().public, "--quarantine",
               scratch / "quarantine", "--format", "json", "--report", report, clone)
    equal(done.returncode, 0, done.stderr)
    equal(done.stderr, "", "messages")
    found = json.loads(report.read_text(encoding="utf-8"))["findings"]
    equal([(entry["path"], entry["result"]) for entry in found], [("/srv/content", "quarantined")],
          "cleaned")
    equal(digest(template().path), before, "the template's digest")
    report, files, _ = template().scan_and_compare(clone)
    equal((report["template"]["removed"], report["template"]["changed"]), (1, 0), "changes")
    true(report["stats"]["unread"] > 200, "most is not read")
    true("/srv/content" not in {path for _, path in files}, "what was cleaned")


def findings_of(reports):
    return [sorted(entry["path"] for entry in report["findings"]) for report in reports]


def scanned_in_all(reports):
    return sum(report["stats"]["scanned"] for report in reports)


def test_several_at_a_time():
    changes = [[], ["/srv/content"], ["/srv/content", "/srv/other"], [], ["/srv/other"],
               ["/srv/content"]]
    clones = [changed(clone_of(template().path, f"several-{number}"), *paths)
              for number, paths in enumerate(changes)]
    reports = template().scan_several(clones, status=1)
    equal(findings_of(reports), changes, "found in each")
    equal(scanned_in_all(reports), 2, "scanned, in all")
    for clone, report, paths in zip(clones, reports, changes):
        use = report["template"]
        equal((use["changed"], use["added"], use["removed"]), (len(paths), 0, 0), "changes")
        alone, _, _ = template().scan(clone, status=1 if paths else 0)
        equal((use, report["stats"]["unread"]), (alone["template"], alone["stats"]["unread"]),
              "what is taken from the template, as when it is scanned alone")
        equal((report["error"], report["partial"]), (None, False), "how it ended")


def test_several_with_new_signatures():
    # What the reader of each is told differs by what the scans before it found out.
    newer = write_database("newer-for-several", Test_Forged=FORGED.strip(),
                           Test_Outbreak=text_of("redirected")[:40])
    clones = [clone_of(template().path, f"fleet-at-once-{number}") for number in range(6)]
    changed(clones[4], "/srv/content")
    reports = template().scan_several(clones, database=newer, status=1)
    equal(findings_of(reports), [["/srv/content", "/srv/redirected"] if number == 4 else
                                 ["/srv/redirected"] for number in range(6)], "found in each")
    equal(scanned_in_all(reports), template().count_unread() + 1, "scanned, in all")
    true(not any(report["template"]["verdicts_taken"] for report in reports),
         "the template's verdicts do not count")
    # By permission they do.
    reports = template().scan_several(clones, "--max-verdict-age", "10000", database=newer,
                                      status=1)
    equal(findings_of(reports), [["/srv/content"] if number == 4 else [] for number in range(6)],
          "found with older verdicts")
    equal(scanned_in_all(reports), 1, "scanned, in all")


def test_several_with_their_own_caches():
    clones = [changed(clone_of(template().path, f"own-{number}"), f"/srv/{name}")
              for number, name in enumerate(("content", "other", "content"))]
    images = [clones[0], template().path, *clones[1:]]
    reports, _ = scan_several(images, "--pubkey", template().public, "--allow-backing",
                              template().path, database=template().database, status=1)
    equal(paths_of(reports), [str(image) for image in images], "order of the reports")
    equal(findings_of(reports), [["/srv/content"], [], ["/srv/other"], ["/srv/content"]],
          "found in each")
    equal(scanned_in_all(reports), 2, "scanned, in all")
    true(all(report["template"]["verdicts_taken"] for report in reports), "verdicts count")


main(
    test_untouched_clone,
    test_times_of_access,
    test_times_of_change,
    test_files_that_came_and_went,
    *forgeries.TESTS,
    test_clone_of_a_clone,
    test_own_cache,
    test_internal_snapshot,
    test_what_does_not_lie_upon_the_template,
    test_forgery_in_what_does_not_lie_upon_the_template,
    test_larger_disk,
    test_another_uuid,
    test_running_machine,
    test_change_that_is_in_the_journal_only,
    test_new_signatures,
    test_older_verdicts_by_permission,
    test_several_at_a_time,
    test_several_with_new_signatures,
    test_several_with_their_own_caches,
    test_clone_is_cleaned,
    *trust.TESTS,
)
