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
    [one] { $n } record was let go before it was written.
   *[other] { $n } records were let go before they were written.
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
vault-dropped-how = since the start. What was let go, when and how many is kept as a record for each minute.
vault-let-go = Let go by age or size
vault-let-go-none = none yet
vault-let-go-sum = { $n } records ({ $x }), the newest of { $y }.
vault-export-good = Read back and right

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
exports = Archives
exports-how = Copies every record with its proof to another place. It is read back after writing, so the records are there when this machine is lost. The signing key does not go along.
exports-none = No archive yet. How each one ended stands here.
exports-last = Archives so far
export-plan-itself = Every { $x } days an archive is written to { $y } by itself. Broken off, it goes on where it was.
export-plan-remind = { $x } days after the last archive, Today reminds you. With a folder it is written by itself.
export-plan-off = There is no schedule, and nobody is reminded.
export-plan-wrong = The age recipients cannot be read. Nothing can be exported until the setting below is right.
export-late = The last archive was { $x }. Copy the records to another place.
export-late-never = The records were never copied to another place.
export-late-do = Choose the folder of a USB disk or NAS under “Archives”.
export-runs = An archive is being written
export-running-to = to { $x } ({ $y })
export-progress = { $x } of { $y } done (what was written and what was read back).
export-stop = Stop
export-stopping = It is being stopped. What was written stays, and the next one goes on from there.
export-now = Export now
export-to = Folder to write to
export-to-how = A folder of this machine: where a USB disk or NAS is mounted. Size and recipients are those of the settings below.
export-by = Who
export-by-schedule = schedule
export-ended = Result
export-broken-off = Broken off
export-broken-off-how = What was written is there. Started again to the same place, it goes on.
export-failed = Failed
export-what = { $n } files, { $x }, volumes: { $y }
export-what-encrypted = { $n } files, { $x }, volumes: { $y }, encrypted
export-no-folder = Name the folder to write to. Nothing was exported.
export-not-there = Nothing can be exported to { $x }. Does it begin with “/”, is the disk or NAS mounted, and may Hinomi write there? A place that held archives before and is empty now counts as not mounted.
export-runs-already = Another export is running. Start when it has ended.
done-export-began = The export has begun.
done-export-stopping = The export is being stopped.
setting-export-days = Days between archives
setting-export-days-how = With 0 nothing is exported by itself and nobody is reminded.
setting-export-folder = Where to
setting-export-folder-how = The folder where a NAS or the like is mounted. Empty: somebody is reminded. A place that held archives before and is empty now counts as not mounted and is not written to.
setting-export-volume-mb = Size of a volume
setting-export-volume-mb-how = 4700 for a DVD; 0 for one volume.
setting-export-recipients = Who can read them (age public keys)
setting-export-recipients-how = Where there are any, archives are encrypted to them. Keys that begin with age1, parted by spaces, at most 16.
setting-wrong-folder = Write a folder that begins with “/”, like /mnt/nas. Nothing was changed.
setting-wrong-recipients = Write keys of 62 characters that begin with age1, parted by spaces, at most 16. Nothing was changed.
unit-megabytes = MB
pressure = What is let go when there is too much
pressure-how = Where writing cannot keep up, as much as fits waits in memory, and what is beyond it is let go in this order. Logs, deeds, findings, evidence and sensor counters are never let go. That something was is a record too.
pressure-rank = let go as number { $x }
pressure-never = never let go

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
events-how-text = Other words are looked for in all text of a record: lines, names, accounts. Of words in letters the beginning is enough (fail finds failed). Case and width do not matter.
events-how-phrase = In quotes: exactly in this order.
events-how-part = With a star: also within a word. This takes longer.
events-how-not = With a minus: records without it.
events-how-field = A field: host:, program:, user:, port:, source:, asset:, table:, protocol:, ip:, mac:
events-more-how = The numbers count the newest records found so far. There are more.
events-word-wrong = "{ $x }" cannot be read. Check the time, the name or the number.
question-too-slow = Not done in time. Ask about a shorter time, or add an address or a rare word.
question-too-large = Over the memory limit. Ask about a shorter time, or add a condition.
events-said = Understood as:
word-address = (address){ $x }
word-table = (sort: { $x })
word-protocol = (protocol){ $x }
word-from = (from { $x })
word-to = (to { $x })
word-text = (text){ $x }
word-not = (not){ $x }
word-port = (port){ $x }
word-host = (host){ $x }
word-program = (program){ $x }
word-account = (account){ $x }
word-source = (source){ $x }
word-asset = (addresses of the asset){ $x }
events-stopped = Looking took too long and was stopped: records before { $x } were not looked at. A shorter time, an address or a rarer word makes it faster.
events-go-on = Go on from there
events-and-more = (there are older ones)
events-export = Export
events-export-all-how = Everything that fits this search, also older records that are not on the page. That they were exported, and how many, is recorded.
events-export-jsonl = JSON lines
events-export-pack-of = The pack holds the { $x } records found.
events-export-busy = Other exports are running. Try again when they have ended.
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
brush-more = at least: counted from the newest
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

# Common questions
questions = Common questions
questions-how = Choose one, fill in what it asks for, and the records answer. That it was asked is recorded.
question-ask = Ask
question-explain = Show how it was worked out (EXPLAIN)
question-plan = How it was worked out (EXPLAIN)
question-sql = The SQL of this question
question-cut = Stopped at the limit of rows. Ask about a shorter time or something narrower.
question-took = { $n } rows, { $m } ms
question-wrong = Check the field "{ $x }".
question-denied = This question is for those whose role reaches the whole site.
answer-yes = yes
answer-no = no
param-from = From
param-to = To
param-address = Address (IP or MAC)
param-user = Account
param-name = Name (host or domain)
param-before = Compare from
param-since = New since
param-bytes = At least (bytes)
param-offset = Hours from UTC
param-words = Words
column-client-ip = From
column-server-ip = To
column-server-port = Port
column-protocol = Protocol
column-bytes = Traffic
column-conversations = Conversations
column-first = First
column-last = Last
column-which = First or last
column-time = Time
column-client-mac = MAC from
column-server-mac = MAC to
column-seq = Record
column-what = Table
column-kind = Kind
column-about = About
column-bytes-up = Sent
column-bytes-down = Received
column-outcome = Outcome
column-clear-text = Clear text
column-account = Account
column-times = Times
column-clients = Clients
column-unit = Unit
column-function = Function
column-address = Address
column-night = Night
column-host = Host
column-application = Program
column-level = Level
column-text = Text
column-sensor = Sensor
column-hour = Hour
column-quality = Quality
column-stretches = Stretches
column-lost = Lost
column-packets = Packets
