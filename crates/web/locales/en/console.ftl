# Words of the pages. Short and plain. Advice starts with a verb.

product = Hinomi
skip = Skip to content
nav = Main pages
nav-today = Today
nav-findings = Findings
nav-assets = Assets
nav-events = Records
nav-settings = Settings
nav-open = open
nav-discovered = unregistered
search = Search assets, addresses, words
search-hint = Search assets, addresses, words
crumbs = Where you are
close = Close
save = Save
cancel = Cancel
remove = Remove
more = { $n } more
login = Log in
login-do = Log in
login-first = First time here? The name and password for the first login are shown where Hinomi was started.
logout = Log out
password = Password
password-change = Change password
password-forced = The first password works only once. Choose one that nobody else knows.
password-current = Current password
password-new = New password
password-again = New password again
password-set = Change it
password-rule-length = Use at least { $n } characters. Longer is safer; signs and capitals are not required.
password-rule-common = Names, the company's name and common words (password, 12345678 …) are refused.
password-rule-advice = Three or four unrelated words are strong and easy to remember. Do not reuse one from elsewhere.
strength-short = Still too short.
strength-weak = Easy to guess. Make it longer.
strength-fair = Good enough. One more word makes it stronger.
strength-good = Long enough.
theme = Brightness
theme-system = Auto
theme-light = Light
theme-dark = Dark
language = Language
keys-open = Keys ( ? )
keys-title = Keyboard
keys-search = Search
keys-this = This list
keys-close = Close
sure-yes = Go ahead
sure-no = Cancel
stream-on = Updates by itself
stream-off = Updates are paused
stream-lost = Connection lost, trying again
live-finding = Findings were updated
live-asset = Assets were updated
live-sensor = Sensors were updated
foot-no-sensor = No sensor yet
foot-watching = { $n ->
    [one] Watching · 1 sensor
   *[other] Watching · { $n } sensors
  }
foot-files = { $n ->
    [one] From a file
   *[other] From { $n } files
  }
foot-blind = { $n } of { $m } sensors see nothing
foot-dropping = { $n } of { $m } sensors lose packets

# Words for states
severity-today = Today
severity-week = This week
severity-check = Check
severity-record = Record
status-open = Open
status-acknowledged = In hand
status-explained = Explained
status-closed = Done
state-discovered = Unregistered
state-registered = Registered
state-unused = Not in use
state-faulty = Faulty
state-retired = Retired
state-denied = Denied
quality-full = Watching
quality-drops = Losing packets
quality-nothing = Nothing arrives
quality-down = Down
quality-file = File
importance-high = High
importance-middle = Middle
importance-low = Low
kind-pc = PC
kind-server = Server
kind-nas = NAS (shared disk)
kind-printer = Printer
kind-camera = Camera or recorder
kind-phone = Phone or tablet
kind-router = Router or firewall
kind-switch = Switch
kind-access-point = Wireless access point
kind-plc = PLC
kind-hmi = Operator panel
kind-control = Other control equipment
kind-iot = IoT device
kind-medium = Removable medium (USB stick …)
kind-cloud = Cloud service
kind-account = Account
kind-information = Information (drawings, recipes …)
kind-other = Other
kind-unknown = Kind unknown
property-kind = Kind
property-maker = Maker
property-model = Model
property-os = OS
property-version = Version
sure-certain = almost certain
sure-likely = likely
sure-perhaps = perhaps
sure-faint = a hint
choice-not-said = (not said)
layer-device = Device
layer-lan = Office LAN
layer-control = Control network
layer-server = Servers
layer-wan = Border to outside
layer-cloud = Cloud
role-executive = Executive, plant manager
role-security-admin = Security officer
role-system-admin = System administrator
role-site-engineer = Site engineer
role-employee = Employee
role-partner = Service partner
role-auditor = Auditor (looks only)
table-flow = Traffic
table-activity = Activity
table-observation = Observation
table-finding = Finding
table-audit = Done in Hinomi
table-health = Sensor

# Today
today-state = The state now
today-nothing-yet = Nothing has been seen yet.
today-nothing-yet-how = Connect a mirror port of a switch, or read a capture file, and devices and findings appear here.
today-act = { $n ->
    [one] One thing needs a look today.
   *[other] { $n } things need a look today.
  }
today-blind = The network cannot be seen right now. Check the sensors.
today-partly-blind = No traffic arrives at { $n } of { $m } sensors.
today-and-blind = No traffic arrives at { $n } of { $m } sensors; what lies behind them is not seen.
today-week = { $n ->
    [one] Nothing urgent. One thing to look at this week.
   *[other] Nothing urgent. { $n } things to look at this week.
  }
today-dropping = Watching, but some packets are lost.
today-first-devices = { $n ->
    [one] One device was found. Register it first.
   *[other] { $n } devices were found. Register them first.
  }
today-no-devices-yet = Watching. No device has been found yet.
today-quiet = Nothing needs an urgent look right now.
today-seen = { $m } of { $n } devices were heard from in the last 24 hours.
today-from-files = This shows what is in the capture files.
today-learning = A device's volume is compared once the same hour was watched on { $m } days ({ $n } so far).
today-todo = What to do now
today-more = { $n ->
    [one] One more finding
   *[other] { $n } more findings
  }
today-traffic = The last 24 hours and the usual range
today-traffic-none = There are no records of the last 24 hours. Once the watch begins, the traffic appears here, and after two weeks its usual range.
today-changes = Changes since yesterday
today-changes-none = Nothing has changed since yesterday. New devices, findings and what people did are listed here.
today-known = The watch
today-devices = Devices
today-devices-none = Devices that send anything are counted here
today-devices-how = { $n } in the ledger, { $m } unregistered
today-findings = Open findings
today-kept = Records
today-kept-none = What was seen is kept here and not rewritten
today-kept-days = { $n ->
    [one] One day.
   *[other] { $n } days.
  }
today-kept-disk = { $x } on disk.
today-kept-free = { $x } free
unit-devices = { $n ->
    [one] device
   *[other] devices
  }
unit-findings = { $n ->
    [one] finding
   *[other] findings
  }
unit-records = { $n ->
    [one] record
   *[other] records
  }
begin = How to begin
begin-mirror = Connect a switch
begin-mirror-how = In the settings of the switch, copy the ports of interest to one port (mirror port). Connect it to a second network port of the Hinomi machine and start:
begin-file = Try a capture file
begin-file-how = Traffic saved by Wireshark and the like (pcap, pcapng) shows on the same pages.
todo-open = Have a look
todo-open-sensors = See the sensors
todo-from-sensor = Sensor
todo-down = Sensor "{ $x }" is down
todo-down-why = The cable is out or the network port has failed. Check the cable and the lights of the switch. What happens meanwhile is not seen.
todo-nothing = No traffic arrives at sensor "{ $x }"
todo-nothing-why = The mirror port setting of the switch was probably lost, or the cable is in another port. This is not quiet: nothing is seen.
todo-drops = Sensor "{ $x }" loses packets
todo-drops-why = The machine is too weak or too much is mirrored. Mirror fewer ports, or use a stronger machine.
todo-register = { $n ->
    [one] Register the device that was found
   *[other] Register the { $n } devices that were found
  }
todo-register-why = Once known devices are registered, a strange one stands out at once. For those you do not recognise, find the owner first.
todo-register-open = { $n ->
    [one] See it
   *[other] See the { $n } devices
  }
changed-discovered = { $n ->
    [one] One new device was found
   *[other] { $n } new devices were found
  }
changed-discovered-one = New device "{ $x }" was found
changed-raised = Finding: { $x }
changed-reopened = Opened again: { $x }
changed-ceased = Over: { $x }
changed-handled-open = { $x } reopened: { $y }
changed-handled-acknowledged = { $x } took in hand: { $y }
changed-handled-explained = { $x } explained: { $y }
changed-handled-closed = { $x } closed: { $y }
changed-state-discovered = { $x } set "{ $y }" back to unregistered
changed-state-registered = { $x } registered "{ $y }"
changed-state-unused = { $x } set "{ $y }" to not in use
changed-state-faulty = { $x } set "{ $y }" to faulty
changed-state-retired = { $x } retired "{ $y }"
changed-state-denied = { $x } denied "{ $y }"
changed-entered = { $n ->
    [one] { $x } entered one device in the ledger
   *[other] { $x } entered { $n } devices in the ledger
  }
changed-sensor-full = Sensor "{ $x }" sees again
changed-sensor-drops = Sensor "{ $x }" lost packets
changed-sensor-nothing = No traffic arrives at sensor "{ $x }" any more
changed-sensor-down = Sensor "{ $x }" went down
changed-started = Hinomi was started

# The picture of traffic
traffic-total = { $x } in all.
traffic-within = Always within the usual range.
traffic-within-known = Where the usual range is known, traffic stayed within it. Hours with traffic for which it is not known yet: { $n }.
traffic-outside = { $n ->
    [one] One hour was outside the usual range ({ $x }).
   *[other] { $n } hours were outside the usual range (first at { $x }).
  }
traffic-learning = The usual range appears once the same hour of the week was watched in two weeks.
traffic-gaps = { $n ->
    [one] One hour was not watched.
   *[other] { $n } hours were not watched.
  }
traffic-not-watched = This time was not watched. Whether there was any traffic is not known.
traffic-key-band = Usual range (same weekday and hour in the past)
traffic-key-gap = Not watched
traffic-table = Show as a table
traffic-hour = Hour
traffic-amount = Traffic
traffic-usual = Usual range
traffic-compared = Compared
traffic-above = More than usual
traffic-below = Less than usual
traffic-inside = As usual
traffic-unknown = Nothing to compare with yet
traffic-unwatched = Not watched

# Lists
paging = Pages
paging-none = None
paging-range = { $a }–{ $b } of { $n }
paging-before = Previous
paging-after = Next
filter = Filter
filter-text = Words
filter-text-hint = Name, address, maker
filter-fits = { $n } match.
filter-clear = Clear the filter
filter-nothing = Nothing matches. Try a wider filter.
filter-from = From
filter-to = Until
col-name = Name
col-state = State
col-kind = Kind
col-address = Address
col-zone = Zone
col-place = Place, owner
col-last = Last
col-first = First
col-findings = Findings
col-severity = How soon
col-title = What
col-asset = Device
col-status = Handling
col-count = Times
col-tick = Select
tick-all = Select all unregistered
tick-one = Select "{ $x }"
never-seen = Not seen yet

# Assets
assets-count = { $n ->
    [one] One device
   *[other] { $n } devices
  }
assets-add = Add by hand
assets-add-how = Devices that do not talk, or are not connected yet, belong in the ledger too. With an address, Hinomi knows them when they appear.
assets-import = Bring a list
assets-export = Export
assets-export-filtered = Exports only what the filter shows.
export-utf-8 = CSV (Excel, UTF-8)
export-shift-jis = CSV (Shift_JIS)
assets-empty = The devices of the factory will be listed here
assets-empty-watching = The watch has begun. A device appears seconds after it sends something. If none appears for minutes, check the mirror port setting of the switch.
assets-empty-how = Connect Hinomi to a mirror port of a switch, or let it read a capture file, and devices are found by themselves.
assets-empty-import = If there is a ledger already, bring it as CSV or Excel.
bulk-register = Register the selected
bulk-zone = Zone
bulk-how = Select only devices that you recognise.
asset-first = First seen
asset-last = Last seen
asset-because = The record of it
asset-findings = Findings about this device
asset-traffic = The last 7 days and the usual range
asset-traffic-none = No traffic recorded yet. When this device talks, its amount per hour appears here.
asset-guesses = How we know
asset-guesses-none = No clue yet. From its traffic, guesses about kind and maker appear here with their reasons.
guess-against = Contradictory sign
joins-h = One device or two?
joins-how = Hinomi tells devices apart by their addresses. Where it was wrong, you can say so here.
join-merge = Merge another asset into this one
join-merge-other = The other asset: its name or one of its addresses
join-merge-sure = Its addresses, history, findings and what only its ledger says move to { $x }. You can undo this here.
join-merge-yes = Merge them
join-split = Split addresses off
join-split-sure = The addresses that you tick become an asset of their own. Names, services and traffic so far stay with { $x }. You can undo this here.
join-split-yes = Split them off
join-done-merge = { $x } was merged into this asset
join-done-split = { $x } was split off
join-came-split = Split off from { $x }
join-undone = undone
join-undo = Undo
list-h = Lists
list-unregistered = Seen but not registered
list-missing = Registered but not seen
list-idle = Idle: only announces itself
list-how-unregistered = These devices are on the network, and nobody has registered them. Register them or find out what they are.
list-how-missing = These are in the ledger and were not seen for { $n } days or more. Look whether they are still there; what has no network address is left out.
list-how-idle = For { $n } days these sent nothing but announcements (ARP, DHCP and the like). If nobody needs them, switch them off.
list-since = The list goes by { $x } to { $y }, as far as was watched.
list-coverage = In this time the network was watched { $x }% of the time. What was not watched can have been there unseen.
list-not-watched = In this time the network was hardly watched: the list cannot tell who was away.
asset-ledger = Ledger
asset-peers = Whom it talks to
asset-peers-none = It has not been seen talking to anybody yet.
asset-peers-more = And { $n } more.
asset-addresses = Addresses
asset-addresses-none = No address yet.
asset-names = Names it goes by
asset-names-none = It has not given a name.
asset-services = What it offers
asset-services-none = It has not been seen answering other devices yet.
asset-records = See the raw records of this device
address-place = Sensor, VLAN
address-local = Made up by the device (may change)
peer = Peer
peer-direction = Direction
peer-asks = connects
peer-answers = is connected to
peer-protocol = Protocol, port
peer-flows = Times
peer-bytes = Traffic
peer-new = New
do-register = Register
do-register-again = Back to registered
do-unused = Set to not in use
do-faulty = Set to faulty
do-retire = Retire
do-deny = Deny
sure-retire = "{ $x }" becomes retired. If it talks again, a finding tells you. Erase its data before it is thrown away. It can be set back to registered.
sure-retire-yes = Record it as retired
sure-deny = "{ $x }" must not be here: each time it talks, a finding for today is raised. Hinomi does not block traffic; pulling the cable is up to a person.
sure-deny-yes = Deny it
ledger-name = Name
ledger-kind = Kind
ledger-maker = Maker
ledger-model-number = Model number
ledger-serial = Serial number
ledger-software-version = Software version
ledger-support-end = End of support
ledger-owner = Owner
ledger-administrator = Looked after by
ledger-place = Place
ledger-purpose = Purpose
ledger-zone = Zone
ledger-importance = Importance
ledger-notes = Notes
ledger-internet = Need for the Internet
ledger-internet-how = Say whether this device needs to talk with the Internet. Talk with destinations that are not written here becomes a finding.
ledger-internet-destinations = Destinations
ledger-internet-destinations-how = Names (update.example.jp, *.example.jp), addresses, ranges (203.0.113.0/24); * for anywhere. Divide them by spaces or lines.
ledger-internet-reason = Reason
ledger-internet-protection = Protected by
ledger-internet-approved-by = Approved by
ledger-internet-until = Until
internet-need-none = Needs none
internet-need-destinations = Needs these destinations only
new-spare = Enter it as a spare device (not in use now)
form-problems = { $n ->
    [one] One field needs fixing. Nothing was saved.
   *[other] { $n } fields need fixing. Nothing was saved.
  }
form-conflict = Somebody else changed this while you had it open. Check how it stands now, then save again.
new-ips = IP addresses
new-ips-how = One a line. Leave empty if it has none.
new-macs = MAC addresses
new-macs-how = One a line. Printed on the device or its box.
new-enter = Enter in the ledger

# Import
import = Bring a list
import-how = Choose a list as CSV or Excel (.xlsx). It is checked first: see what would change, then take it over.
import-file = File
import-encoding = Encoding
encoding-auto = Recognise it
encoding-utf-8 = UTF-8
encoding-shift-jis = Shift_JIS (Excel's CSV in Japan)
import-check = Check (changes nothing)
import-now = Import at once
import-check-how = "Check" changes nothing.
import-checked = Result of the check (nothing changed yet)
import-done = Imported
import-rows = { $n ->
    [one] one row
   *[other] { $n } rows
  }
import-new = New
import-changed = Changed
import-same = The same
import-left-out = Left out
import-unknown = These headings are not known and were left out:
import-apply = { $n ->
    [one] Import one device
   *[other] Import { $n } devices
  }
import-see = See the assets
import-problems = Rows left out
import-problems-how = These rows are skipped. Fix the file and import it again.
import-changes = What changes
import-row = Row
import-column = Heading
import-why = Why
import-what = What
import-headings = Headings that are understood
import-headings-how = The first row holds the headings, in Japanese or English.
import-sample = Export the present ledger as a sample

# Findings
findings-empty = No findings yet
findings-empty-how = { $n } rules are watching. Unknown devices, impostors, scans, password guessing, logins in the clear and unusual traffic are listed here when they are found.
findings-empty-blind = But some sensors see nothing, and what is not seen is not known.
findings-none-open = No finding waits for anybody.
findings-all = Show those that are done
findings-of = Findings about:
finding-four = What the finding says
four-what = What happened
four-why = Why it matters
four-do = What to do now
four-whom = Whom to tell
finding-how = How we know
finding-first = First
finding-last = Last
finding-times = { $n ->
    [one] once
   *[other] { $n } times
  }
finding-reopened = { $n ->
    [one] reopened once
   *[other] reopened { $n } times
  }
finding-ceased = Over since
finding-explained-until = Explained until
finding-register = Register this device
finding-others = Other devices
finding-records = { $n ->
    [one] One raw record
   *[other] { $n } raw records
  }
finding-story = Time line
finding-events = Records behind it
finding-measures = Related measures
finding-measures-how = This watch serves these items of the guidelines.
finding-cannot-see = What this rule cannot see
finding-rule = Rule
finding-rule-about = Details of the rule
finding-revision = Revision
handle = Handle it
handle-note = Note
handle-note-how = Write whom you asked and what you found; it helps the next person.
handle-acknowledge = Take it in hand
handle-close = Close as done
handle-reopen = Reopen
handle-until = Explained until
handle-explain = Explain until then
handle-how = Explain a finding when the reason is known, such as a maintenance visit. It opens again after that day, or when it gets worse.
story-first = Happened for the first time
story-again = { $n ->
    [one] Happened last (once in all)
   *[other] Happened last ({ $n } times in all)
  }
story-reopened = Opened again
story-ceased = Was over
story-open = { $x } reopened it
story-acknowledged = { $x } took it in hand
story-explained = { $x } explained it
story-explained-until = { $x } explained it (until { $y })
story-closed = { $x } closed it
fact-kind = Sort
fact-device = Device
fact-owner = Owner so far
fact-target = Target
fact-address = IP address
fact-addresses = IP addresses
fact-mac = MAC address
fact-owner-mac = MAC of the owner so far
fact-maker = Maker
fact-name = Name
fact-place = Place
fact-count = Devices
fact-time = Time
fact-service = Service
fact-user = User name
fact-users = User names
fact-outcome = Outcome
fact-bytes = Traffic
fact-usual = Usual
fact-percent = Of the usual
fact-samples = Compared with
fact-basis = Basis
fact-learned = Learned for
fact-hour = Hour
fact-since = Since
fact-failures = Failures
fact-hosts = Devices
fact-ports = Ports
fact-window = Within
fact-sample = For example

# Records
events-count = { $n ->
    [one] one record
   *[other] { $n } records
  }
events-about = About:
events-empty = What was seen will be listed here
events-empty-how = Traffic, activities, findings and what people did in Hinomi are kept one by one. They appear seconds after the watch begins.
events-nothing = No records match. Try a longer period.
events-shown = { $n ->
    [one] one shown
   *[other] { $n } shown
  }
events-newest = Newest
events-older = Older
# One line of a record: office networks, brokers, controllers
said-unnamed = name not known
said-anonymous = anonymous
said-refused = refused ({ $x })
said-answer = answer
said-smb-negotiate = SMB { $x } agreed
said-smb-session = { $x } logs in to file sharing
said-smb-encrypted = Encrypted file sharing
said-smb-tree = Share { $x } connected
said-smb-open = { $x } opened
said-smb-delete = { $x } deleted
said-smb-rename = { $x } renamed to { $y }
said-smb-logoff = { $x } logs off
said-ntlm = { $x } names itself to { $y } by NTLM
said-kerberos-request = { $x } asks for a ticket to { $y }
said-kerberos-answer = { $x } is given a ticket to { $y }
said-kerberos-use = A ticket to { $x } is shown
said-kerberos-error = Kerberos error { $x }
said-ldap-bind = Log-in to the directory as { $x } ({ $y })
said-ldap-search = Search under { $x }
said-ldap-modify = { $x } changed
said-ldap-add = { $x } added
said-ldap-delete = { $x } deleted
said-ldap-compare = { $x } compared
said-ldap-unbind = End of work with the directory
said-ldap-encrypt = Encryption asked for by a client of the directory
said-ldap-extended = Extended operation { $x } of the directory
said-ldap-entries = { $n } entries
said-ldap-java = an answer with a Java program in it
said-rdp = Remote Desktop asked for as { $x }
said-vnc = Shared screen by VNC { $x }
said-vnc-open = no password
said-mqtt-connect = { $x } connects to the broker
said-mqtt-accepted = { $x } accepted
said-mqtt-publish = Sent to { $x }
said-mqtt-messages = { $n } messages
said-mqtt-subscribe = { $x } subscribed
said-mqtt-unsubscribe = { $x } no longer subscribed
said-mqtt-disconnect = { $x } disconnects
said-modbus = unit { $n } function { $m }
said-modbus-address = { $m } from address { $n }
said-modbus-write = write
said-modbus-identity = The device names itself: { $x }

event-when = Time
event-table = Sort
event-from = From
event-to = To
event-summary = What
event-source = Sensor
event-number = Record { $x }
event-happened = Happened
event-happened-none = not written
event-received = Received
event-id = Number
event-fields = Contents
event-field = Field
event-value = Value
event-before = Record before
event-after = Record after
step-happened = happened
step-changed = changed
step-ceased = ceased
via-frame = from a frame
via-arp = ARP
via-neighbour = neighbour discovery
via-dhcp = DHCP
act-arp-answer = { $x } is at { $y }
act-arp-question = who has { $x }? asks { $y }
act-neighbour = neighbour discovery, type { $x } { $y }
act-unreachable = unreachable (type { $x }, code { $y })
event-health = { $packets } packets · { $bytes } · lost { $kernel } + { $queue } · { $quality }

# The company's calendar
calendar = Company calendar
calendar-how = Working days, days off and shifts. What is unlike the habit is found by comparing an hour with the same hour of days of the same kind, so that a public holiday or the summer break is not called a silence.
calendar-days = Days that are worked
calendar-japan = Public holidays of Japan are off (Act on National Holidays)
calendar-entries = Days off, days worked out of turn, days of a shift
calendar-entries-empty = None yet. Enter the summer break and the turn of the year.
calendar-from = First day
calendar-to = Last day
calendar-kind = Kind
calendar-name = Called
calendar-add = Add days
calendar-remove = Remove { $x } { $y }
calendar-work = Worked
calendar-off = Off
calendar-shift-of = Shift { $x } { $y }
calendar-shifts = Shifts
calendar-shifts-how = For times in which work runs unlike the usual week, such as two shifts or nights: make the shift here and give it its days in the table above.
calendar-number = Number
calendar-hours = Hours
calendar-unshift-sure = This removes "{ $x }" and the days that follow it. Go on?
calendar-holidays = Public holidays of this year and the next
calendar-holidays-how = Computed from the law for 2016 to 2099. The equinoxes are expected days until the Official Gazette sets them in February of the year before. If the law changes, enter the day as one of the company's.
calendar-text = Write out or read in as text
calendar-text-label = The whole calendar
calendar-export = Write out
calendar-replace = Replace the calendar
calendar-replace-sure = This replaces the whole calendar. Go on?
calendar-wrong = A day, a time or a kind cannot be read. Days look like 2026-08-11, times like 06:00-14:00.
weekday-mon = Mon
weekday-tue = Tue
weekday-wed = Wed
weekday-thu = Thu
weekday-fri = Fri
weekday-sat = Sat
weekday-sun = Sun
holiday-new-year = New Year's Day
holiday-coming-of-age = Coming of Age Day
holiday-foundation = National Foundation Day
holiday-emperor = The Emperor's Birthday
holiday-spring-equinox = Vernal Equinox Day
holiday-showa = Showa Day
holiday-enthronement = Enthronement
holiday-constitution = Constitution Memorial Day
holiday-greenery = Greenery Day
holiday-children = Children's Day
holiday-sea = Marine Day
holiday-mountain = Mountain Day
holiday-aged = Respect for the Aged Day
holiday-autumn-equinox = Autumnal Equinox Day
holiday-sports = Sports Day
holiday-culture = Culture Day
holiday-labour = Labour Thanksgiving Day
holiday-substitute = Substitute holiday
holiday-citizens = Holiday between two holidays

# Settings
settings-parts = Parts of the settings
settings-site = Site and records
settings-own = Your own
sensors = Sensors
sensors-how = What was lost was not seen. Numbers count from the start of Hinomi.
sensors-empty = There is no sensor
sensor-packets = Packets
sensor-bytes = Traffic
sensor-rate = Now
sensor-kernel-drops = Lost (system)
sensor-queue-drops = Lost (queue)
sensor-decode-errors = Unreadable
sensor-flows = Conversations now
sensor-evicted = Let go (table full)
sensor-gaps = Gaps
sensor-last = Last packet
sensor-name = Name of the sensor
sensor-rename = Rename
sensor-drops-todo = Mirror fewer ports, or check the processor and memory of the machine that Hinomi runs on.
sensor-nothing-todo = Check the mirror port setting of the switch and which port the cable is in. If the light of the network port blinks, traffic arrives.
sensor-down-todo = Check the cable and the power of the switch. The watch resumes by itself.
sensor-evicted-todo = The number of conversations to remember has reached its limit. Raise the limit in the configuration file, or mirror fewer ports.
truths = What the traffic shows of the mirror port
truth-duplicates = Packets come twice ({ $x } of { $y } compared). A copy is not counted as traffic.
truth-routed-twice = Both sides of a router are mirrored ({ $x } of { $y } compared). Mirror one side only.
truth-one-way = Only one direction is seen ({ $x } of { $y } TCP conversations). Set the mirror port to copy what is sent and what is received.
truth-checksum-offload = The traffic was taken on a machine that sends ({ $x } of { $y } checksums are left to the card). Nothing is judged by them.
truth-super-packets = { $x } of { $y } packets were merged by the network card. They are read all the same.
truth-vlan-stripped = The card takes the VLAN tags out ({ $x } of { $y } packets). They are read from beside the packet.
truth-cut = { $x } of { $y } packets are cut short. Have whole packets mirrored.
zones = Zones
zones-how = Divide the factory, such as office and line 1. With address ranges or VLANs, devices fall into their zone by themselves. Zones that talk for the first time are told as a finding.
zones-empty = There is no zone yet. Add one below. With zones you can look at the assets of one zone.
zone-name = Name
zone-name-hint = Line 1
zone-layer = Layer
zone-ranges = Address ranges
zone-assets = { $n ->
    [one] one device
   *[other] { $n } devices
  }
zone-add = Add
zone-save = Save zone "{ $x }"
zone-remove = Remove zone "{ $x }"
zone-remove-sure = Zone "{ $x }" will be removed. Its devices stay, without a zone.
kept-since = The oldest is of
kept-disk = Disk
retention-sure = With fewer days, older records are deleted and cannot be brought back.
users = Users
user-name = Name
user-roles = Roles
user-last = Last login
user-never = Never
user-do = Actions
user-enabled = Active
user-disabled = Stopped
user-must-change = Still the first password
user-enable = Let in again
user-disable = Stop
user-disable-sure = { $x } will no longer be able to log in. You can undo this later.
user-reset = New password
user-reset-sure = The present password of { $x } stops working. A new one-time password is shown once.
user-add = Add a user
user-add-how = A one-time password is shown once. Hand it over; it must be changed at the first login.
users-new-password = One-time password for { $x } (write it down now, it is not shown again):
about = About Hinomi
about-started = Started
about-folder = Data folder
about-database = Database
about-fingerprint = Certificate fingerprint (SHA-256)
about-parts = Parts used
about-parts-list = Design tokens of the Digital Agency of Japan (MIT), htmx (0BSD), Rust crates (listed in Cargo.lock).

# When something goes wrong
error-bad = What was sent could not be read
error-unauthorised = Please log in
error-forbidden = Your role does not allow this
error-not-found = There is no such page
error-conflict = Somebody else changed it first
error-too-large = What was sent is too large
error-too-many = Too many attempts
error-busy = Too busy right now
error-broken = Something went wrong inside Hinomi
error-todo-bad = Go back and try again.
error-todo-unauthorised = Log in again.
error-todo-forbidden = If you need it, ask the system administrator for the role.
error-todo-not-found = Check the address, or start from Today. The asset or finding may have been removed.
error-todo-conflict = Open the page again, check how it stands now, then save.
error-todo-too-large = Split the file and send it again.
error-todo-too-many = Wait a little, then try again.
error-todo-busy = Wait a minute, then open it again.
error-todo-broken = Open it again. If it persists, tell the number below to the system administrator. The watch goes on.
error-reference = Number { $x }
error-home = To Today
error-login = To the login
who-machine = This machine's command line
who-person = { $x }
as-of = State as of { $x }
today-as-of = This is the state at the end of the capture ({ $x }), not now.
today-seen-as-of = { $m } of { $n } devices were heard from in the last 24 hours of the capture.
today-traffic-as-of = The last 24 hours of the capture and the usual range
today-changes-as-of = Changes in the last 24 hours of the capture
changed-raised-more = { $n ->
    [one] And one more finding
   *[other] And { $n } more findings
  }
changed-states = { $x } set { $n } devices to "{ $y }"
changed-edits = { $x } edited the ledger of { $n } devices
changed-settings = { $x } changed settings { $n } times
changed-accounts = { $x } changed accounts { $n } times
traffic-begun = The last hour is not over yet (dashed).
traffic-hour-begun = Not over yet

# Stocktake
stock = Stocktake
stock-how = Go round the factory and check, one by one, that what the ledger says is really there.
stock-labels = Print labels
stock-running = running
stock-overdue = overdue
stock-all-done = all looked at
stock-closed = closed
stock-conflicts-n = { $n ->
    [one] 1 disagreement
   *[other] { $n } disagreements
 }
stock-differences-n = { $n ->
    [one] 1 difference
   *[other] { $n } differences
 }
stock-progress = { $n } of { $m } checked
stock-assignee = Who goes
stock-until = until { $x }
stock-go-on = Go on
stock-empty = Stocktakes will be listed here
stock-empty-how = Give it a name and a scope: the assets in that scope become a list. On the shop floor, scan the label on each machine with a phone.
stock-new = Start a stocktake
stock-name = Name
stock-zone = Zone
stock-zone-all = Every zone
stock-place = Place
stock-place-all = Every place
stock-due = Due
stock-note = Notes
stock-discovered = Include devices that were discovered and not registered
stock-start = Start
stock-start-how = The ledger is copied as it stands. Retired and denied assets are left out.
stock-over = Closed stocktakes
stock-scope = Scope
stock-scope-all = Everything
stock-scope-zone = zone { $x }
stock-scope-place = place { $x }
stock-closed-when = Closed
stock-assets = Assets
stock-differences = Differences
stock-next = Next one due
stock-conflicts = Two people said different things
stock-conflicts-how = For example something noted offline. Nothing was lost: look at the thing itself, then choose.
stock-stands = On record
stock-also = Arrived later
stock-keep = Keep what is on record
stock-take = Take the words of { $x }
stock-started = started by { $x }
stock-how-far = Progress
stock-scan-how = Scan a machine’s label with the phone’s camera: its page opens.
stock-report = Result
stock-closed-by = closed by { $x }
stock-next-is = Next one due: { $x }
stock-tabs = Which entries
stock-tab-open = To do
stock-tab-done = Done
stock-tab-differences = Differences
stock-tab-all = All
stock-find = Name, place, address, serial number
stock-none-here = Nothing here.
stock-result = Result
stock-said = Record
stock-who = By
stock-quick = Tick off
stock-here = Found
stock-photo = Photo
stock-extra = Found something that the ledger lacks
stock-extra-how = It does not enter the ledger; it stands among the differences.
stock-extra-what = What it is
stock-extra-where = Where it is
stock-extra-save = Note it
stock-words = Note
stock-close = Close the stocktake
stock-close-how = After that, nothing in it can be changed. Who closed it, when, and the differences are kept.
stock-rest = Count the { $n } not looked at as not found
stock-rest-why = Why
stock-apply = Write it into the ledger (places of what moved, state of what was disposed of)
stock-close-note = Closing words
stock-close-sure = Close the stocktake? Nothing in it can be changed afterwards.
stock-close-do = Close it
stock-facts = What to recognise it by
stock-asset-page = The asset’s page
stock-ask = What did you find?
stock-place-now = Where it stands now
stock-photo-take = Take a photo
stock-photo-how = Where it was taken, by which phone and the like is removed before it is kept.
stock-ports = Ports (network devices)
stock-ports-how = On switches, routers and access points, look at cables and free ports too.
stock-console = Serial and console ports, and what is plugged in
stock-blocked = Blocked or disabled ports
stock-plugs = Plugs that nobody knows
stock-save = Save
stock-said-by = noted by { $x }
stock-photo-of = Photo of { $x }
stock-round = Before and after
stock-before = Previous
stock-list = List
stock-after = Next
stock-result-open = not yet
stock-result-found = found
stock-result-missing = not found
stock-result-moved = moved
stock-result-changed = changed
stock-result-retired = disposed of
stock-result-extra = not in the ledger
sync-on = Connected.
sync-off = Offline. What you note is kept on this phone.
sync-waiting = kept on this phone; they are sent by themselves once connected.
sync-sent = What was kept has been sent.
sync-conflict = Somebody else said something different. See the list.
sync-refused = Something was not accepted:
sync-login = Log in again to send. Nothing is lost.
sync-kept = Kept on this phone. It is sent by itself once connected.
sync-preparing = Preparing:
sync-ready = Ready for use offline.
sync-untrusted = This device does not trust Hinomi’s certificate, so pages cannot be opened offline. Notes on open pages are kept.
sync-prepare = Make it work offline
sync-drop = Discard this one
sync-mark = kept
sync-full = This device has no room left to keep it.
labels = Labels
labels-n = { $n ->
    [one] 1 label
   *[other] { $n } labels
 }
labels-how = Print on A4 label sheets and stick one on each machine. Scanning it opens the entry of the running stocktake, or else the asset’s page.
labels-base = The labels lead to { $x }. Before printing, check that a phone on the shop floor reaches this address.
labels-left = { $n } more do not fit into one print; choose a zone or place.
labels-none = No assets in this scope.
labels-code = QR code of { $x }
export-xlsx = Excel (.xlsx)
import-sheet = Read the sheet “{ $x }”.
import-sheets-left = Other sheets are not read:
import-merged = { $n } merged regions: their value counts for the rows below, too.
import-columns = What the columns mean
import-columns-how = Guessed from the headings. Where that is wrong, choose and check again. Once the list is taken over, the same headings mean the same next time.
import-columns-remembered = The headings are those of last time, and so are their meanings.
import-samples = First values
import-means = Means
import-check-again = Check again
import-not-read = (not read)
import-changes-first = The first { $n } are shown.
