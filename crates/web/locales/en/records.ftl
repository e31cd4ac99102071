# Words of records and the vault.

# The vault
vault = Vault
vault-how = How many records there are, how they are kept, and how anybody can check that none was changed afterwards.
vault-state = State
vault-fine = Records are being written, and nothing is wrong.
vault-fine-how = Writing, damage, disk space, confirmation from outside and verification: nothing to look at.
vault-attend = Records are being written. There is something to look at.
vault-act = Something needs you now.
vault-stopped = Records cannot be written since { $x } (tried { $y } times).
vault-stopped-do = Check the disk’s space, connection and rights. Writing resumes by itself; nothing that was written is lost.
vault-closed = The vault is closed.
vault-closed-do = Start Hinomi again.
vault-damaged = { $n ->
    [one] One place can no longer be trusted.
   *[other] { $n } places can no longer be trusted.
  }
vault-damaged-do = See where under “Verification”, and check the disk. Where there is an archive, restore from it.
vault-log-trouble = The log cannot go on.
vault-log-trouble-do = Records are kept but get no proof. Tell whoever looks after Hinomi.
vault-look-failed = The verification could not be finished.
vault-look-failed-do = Start it again. If it fails again, check the disk.
vault-look-never = Nothing has ever been verified.
vault-look-never-do = Press “Verify now” below.
vault-full-soon = { $n ->
    [one] At this pace the disk is full within a day.
   *[other] At this pace the disk is full in { $n } days.
  }
vault-full-soon-do = Free some space, or keep records for fewer days.
vault-dropped-some = { $n ->
    [one] { $n } conversation was dropped before it was written.
   *[other] { $n } conversations were dropped before they were written.
  }
vault-dropped-do = There is too much traffic or the disk is too slow. Watch less, or use a faster disk.
vault-outside-old = The last confirmation from outside was { $x }.
vault-outside-do = Print the checkpoint and leave it with somebody outside.
vault-unknown = unknown
vault-not-yet = not yet
vault-not-since-start = not since the start
vault-sizes = Sizes and growth
vault-records = Records
vault-no-records = No records yet. They come once the watch begins.
vault-bytes = Disk in use
vault-growth = About { $x } more each day.
vault-growth-unknown = Growth is known once there is an hour of records.
vault-free = Disk space left
vault-full-unknown = The day on which the disk is full is not known yet.
vault-full-far = At this pace it is not full within ten years.
vault-full-on = At this pace the disk is full around { $x }.
vault-full-budget = Around { $x } the limit of { $y } is reached and the oldest conversations go first. The disk does not fill.
vault-by-table = Records by sort
vault-by-table-how = Choose a sort to open its records. Records that are not sealed yet are not in this table.
vault-files = Files
vault-size = Size
vault-oldest = Oldest record
vault-kept = Kept for
vault-kept-days = { $n ->
    [one] { $n } day
   *[other] { $n } days
  }
vault-kept-always = always
vault-tail = Not sealed yet
vault-tail-how = Sealed every 15 minutes or 64 MB.
vault-last-seal = Last sealed
vault-last-sync = Last written to disk
vault-write-errors = Failed writes
vault-since-start = since the start
vault-dropped = Dropped before writing
vault-dropped-how = since the start; conversations under pressure, nothing else.
vault-let-go = Let go by age or size
vault-let-go-none = none yet
vault-let-go-sum = { $n } records ({ $x }), the newest of { $y }.
vault-export = Last archive
vault-export-none = none yet
vault-export-good = Read back and right
vault-export-unread = Not read back
vault-export-sum = { $n } files, { $y }, to { $x }

# Proof
vault-proof = Proof
vault-proof-how = Records are committed every five seconds. Whoever changes one afterwards breaks every checkpoint that follows; and once somebody outside holds a checkpoint, nobody inside can rewrite what it covers.
vault-checkpoint = Newest checkpoint
vault-entries = Entries of the log
vault-batches = of these, batches of records: { $x }
vault-covered = Last committed record
vault-uncommitted = { $n ->
    [one] { $n } more waits to be committed
   *[other] { $n } more wait to be committed
  }
vault-origin = Name of the log
vault-fingerprint = Fingerprint of the key
vault-fingerprint-how = Whoever gets an evidence pack compares it with this. Put it on the letterhead or on the wall.
vault-print = Print the checkpoint
vault-outside = Confirmed from outside
vault-outside-newest = Last confirmed from outside: { $x }
vault-outside-short = Not yet confirmed by anybody outside
vault-outside-none = Nobody outside has seen the log yet.
vault-outside-none-why = Whoever controls this machine could make it all anew, and nobody could tell.
vault-outside-none-do = Print the checkpoint, date and sign it, and leave it with somebody outside: accountant, IT company, parent company. A witness or a time-stamp authority, entered in the settings, does it by itself.
vault-outside-who = Who
vault-outside-when = When
vault-outside-size = Entries seen
vault-witness = Witness
vault-stamp = Time stamp
vault-stamp-who = Time-stamp authority
vault-paper = Checkpoint
vault-paper-how = This sheet shows how far the records of Hinomi had come at this time.
vault-paper-print = Print it with your browser (Ctrl + P): one sheet of A4.
vault-paper-site = Site
vault-root = Root hash
vault-key = Public key
vault-paper-code = Checkpoint with its signature
vault-paper-key = Public key
vault-paper-long = Too long for a code. Use the text below.
vault-paper-text = Full text of the checkpoint
vault-paper-sign = Date                                Signature of whoever keeps it
vault-paper-why = Kept outside the company, this sheet makes sure that nobody inside can change an earlier record without being noticed.
vault-paper-check = Open the verify.html in any later evidence pack and enter this text or the fingerprint: it checks that the log goes on from here. On this machine, “hinomi vault checkpoint --check FILE” does too.
vault-paper-none = The checkpoint will be shown here
vault-paper-none-how = The first record is committed within five seconds.

# Verification
vault-look = Verification
vault-look-how = Looks whether every byte is what was written. Hinomi also does so in the background, a little at a time.
vault-look-none = No verification has ended yet.
vault-look-good = Everything is as it was written
vault-look-bad = { $n ->
    [one] { $n } place is not what was written
   *[other] { $n } places are not what was written
  }
vault-look-sum = { $n } files, { $x }, in { $y }.
vault-look-sum-deep = { $n } files, { $x }, with the proof of every record, in { $y }.
vault-look-runs = Verifying
vault-look-since = since
vault-look-progress = { $x } of { $y } looked at.
vault-look-reload = Show how far it is
vault-look-now = Verify now
vault-look-deep = Verify every proof
vault-look-now-how = It goes on in the background; you may leave this page. With every proof it takes long.
done-look-began = The verification has begun.
vault-damage = Places that cannot be trusted
vault-damage-none = No damage is known.
vault-damage-how = Choose a place to open the records around it.
vault-damage-file = File
vault-damage-records = Records
vault-damage-what = What is wrong
vault-damage-span = { $x } to { $y }
vault-damage-from = from { $x }
vault-damage-no-record = no record
vault-damage-more = { $n ->
    [one] and { $n } more
   *[other] and { $n } more
  }
vault-notes = { $n ->
    [one] What was repaired or decided at the start ({ $n })
   *[other] What was repaired or decided at the start ({ $n })
  }

# Holds
vault-holds = Holds
vault-holds-how = Records that an investigation or a court needs are kept past their time.
vault-holds-none = Nothing is held.
vault-hold-since = Held since
vault-hold-all = every sort
vault-hold-always = all times
vault-hold-span = { $x } to { $y }
vault-hold-said = { $x } ({ $y })
vault-hold-add = Add a hold
vault-hold-add-how = Times are those of receipt; empty means without end. The hold and its reason are recorded.
vault-hold-name = Name
vault-hold-reason = Reason
vault-hold-lift = Lift the hold
vault-hold-lift-sure = Records past their time are deleted soon and cannot be brought back.
vault-hold-wrong = Give a name (60 characters) and a reason (200), one line each. Nothing was changed.
vault-hold-wrong-span = Check the times: the first must lie before the second. Nothing was changed.
vault-retention = How long records are kept
vault-retention-how = With fewer days, older records begin to go within about a minute and cannot be brought back; that they went stays in the log. The limits for all are in the settings:
setting-retention-flow-days = Days to keep conversations
setting-retention-flow-days-how = Where space is short, these go first.
setting-retention-activity-days = Days to keep activities
setting-retention-activity-days-how = Older records are deleted.
setting-retention-observation-days = Days to keep observations
setting-retention-observation-days-how = Older records are deleted.
setting-retention-finding-days = Days to keep findings
setting-retention-finding-days-how = Older records are deleted.
setting-retention-audit-days = Days to keep what people did in Hinomi
setting-retention-audit-days-how = Never let go for want of space.
setting-retention-health-days = Days to keep sensor counters
setting-retention-health-days-how = Older records are deleted.
setting-retention-log-days = Days to keep logs of other systems
setting-retention-log-days-how = Older records are deleted.
setting-retention-evidence-days = Days to keep evidence
setting-retention-evidence-days-how = Never let go for want of space.
table-log = Logs
table-evidence = Evidence
invalid-too-many-searches = At most { $n } searches are kept. Remove one that you do not use.
vault-open = Open the vault

# Logs and records
events-title = Logs and records
events-find = Search by words
events-find-hint = 192.168.1.5, an asset, modbus, "words of a log"
events-find-do = Search
events-find-how = How to search
events-how-address = An IP or MAC address. With two of them: only what passed between them.
events-how-asset = The name of an asset: found by its addresses. In quotes it is text.
events-how-table = A sort of record (conversations, activity, observation, finding, logs, evidence, health).
events-how-protocol = A protocol (dns, http, smb, modbus …).
events-how-time = Times: a day, a time of day, or 2d, 3h, 30m ago.
events-how-text = Any other words, and what stands in quotes, are looked for in the text of logs and in names. Case and width do not matter.
events-said = Understood as:
word-address = (address){ $x }
word-table = (sort: { $x })
word-protocol = (protocol){ $x }
word-from = (from { $x })
word-to = (to { $x })
word-text = (text){ $x }
word-asset = (addresses of the asset){ $x }
events-stopped = Looking took too long and was stopped: records before { $x } were not looked at.
events-go-on = Go on from there
events-and-more = (there are older ones)
events-export = Export
events-export-how = Exactly the { $x } records found. That they were exported is recorded.
events-export-csv = CSV (opens in Excel)
events-export-pack = Evidence pack (ZIP)
events-export-pack-how = An evidence pack holds records with their proofs. Whoever gets it checks with its verify.html that nothing was changed.
event-text = Whole text
searches = Kept searches
searches-edit = Keep or remove searches
searches-how = Only you see the searches that you keep.
search-keep-name = Name of this search
search-keep = Keep
search-forget = Remove the search “{ $x }”
brush = { $x } records (a bar is { $y })
brush-more = counted from the newest
brush-wider = All times
facets = Narrow
facet-protocol = Protocol
facet-asset = Asset
facet-undo = Show all again
verdict-met = met
verdict-partly = partly
verdict-not-met = not met
verdict-unknown = unknown
pack-nothing = No records match, so there is nothing to put into a pack.
pack-failed = The pack could not be made: some of the records were let go or are damaged. Narrow the time, or verify on the vault’s page.
proof = Proof
proof-committed = Committed
proof-none = Not committed yet
proof-none-how = Records are committed every five seconds. Open the page again in a moment.
proof-broken = The proof cannot be read
proof-broken-how = A part of the batch that committed this record cannot be read. Verify on the vault’s page.
proof-outside-tag = Committed and confirmed from outside
proof-outside = { $x } saw a log that holds this record on { $y }. A change after that would be noticed.
proof-inside-tag = Committed, not yet confirmed from outside
proof-inside = Nobody outside has seen a log that holds this record yet. So far it rests on this company’s own key.
proof-place = Batch { $x }, entry { $y } of the log ({ $n } in all).
proof-position = Record { $x } of { $y } of its sort in the batch.
proof-pack = Evidence pack of this record
proof-pack-how = One ZIP file with the record, its proof and the page that checks it (verify.html).
event-readable = As it stands in evidence packs (JSON)
event-readable-how = The proof is computed from this content.

# Encryption at rest
enc = Encryption at rest
enc-how = Decide whether records lie on the disk encrypted, so that nobody who takes the disk or a backup away can read them.
enc-now = As it is
enc-open = Not answered
enc-open-what = Nobody has decided yet whether it is encrypted.
enc-off = Off
enc-off-what = Reason: { $x }
enc-on = Encrypted
enc-by-file = Opened by the key file { $x }.
enc-by-passphrase = Opened by a passphrase.
enc-by-credential = Opened by the systemd credential hinomi-vault-key.
enc-rewriting = Files of before are being written anew ({ $y } of { $x }).
enc-rewriting-soon = Files of before will be written anew.
enc-rewriting-short = Files written anew
enc-question = Nobody has decided yet whether records are encrypted. Decide now?
enc-turn-on = Encrypt
enc-turn-on-how = Recommended. What is written from now on is encrypted at once; what was written before follows in the background. Checking and proving records work as before. What stood there before may stay in unused parts of the disk for a while.
enc-opened-by = What opens it at a start?
enc-file = A key file
enc-file-how = Recommended: it starts without anybody when the power comes back. It lies outside of the data folder, best on another medium (a USB stick that holds the key). It is made here where there is none. Keep it out of backups.
enc-file-configure = Hinomi remembers the place. Where you move the file, write the new place as vault.key_file into the configuration.
enc-file-where = Place of the key file
enc-passphrase = A passphrase
enc-passphrase-how = 12 characters or more. Somebody types it at every start (or it is read from the file that HINOMI_VAULT_PASSPHRASE_FILE names). Without anybody there, the watch does not begin after a power cut.
enc-passphrase-new = New passphrase
enc-credential = A systemd credential
enc-credential-how = Takes the hinomi-vault-key that the service was given. With LoadCredentialEncrypted= the TPM of this machine can guard it.
enc-rekey = Change what opens it
enc-rekey-how = No data is written anew. The former key opens it no longer. The recovery key stays as it is.
enc-recovery-key = Recovery key
enc-recovery-once = Shown only now.
enc-recovery-keep = Print it or write it down, and keep it elsewhere than this machine, in a safe. When the key is lost, this alone opens the records.
enc-recovery-done = It is kept
enc-recovery-new = Make a new recovery key
enc-recovery-new-how = When it was lost, or somebody may have seen it. The former recovery key is void.
enc-no-recovery = There is no recovery key. Make one.
enc-turn-off = Do not encrypt
enc-stay-off = Change the reason
enc-turn-off-how = For instance because the whole disk is encrypted by other means. The reason becomes evidence, with who decided and when. What was encrypted is written back in the background.
enc-reason = Why it is not encrypted
enc-reason-how = For instance: the whole disk is encrypted with LUKS.
enc-reason-wanted = Give the reason in one line of at most 500 characters.
enc-differ = The two passphrases differ. Type them again.
enc-short = A passphrase needs at least 12 characters.
enc-path = Give the place of the key file as an absolute path that begins with /.
enc-inside = That place is inside of the data folder: whoever takes the folder, or its backup, would have the key with it. Choose a place outside.
enc-no-credential = No credential hinomi-vault-key was handed over.
enc-failed = It could not be done, and nothing was changed. See that the key file’s folder is there and that Hinomi’s account may write in it.
enc-not-recorded = It is encrypted, but who decided so could not be recorded.
enc-change = Decide or change
enc-see = See more
