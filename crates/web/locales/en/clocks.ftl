# Clocks: this machine's, those of the sources, and devices that ask a time server.

clocks = Clocks
clocks-how = Whether the clocks of Hinomi’s machine and of the devices that send records are right. The order of records is that of their numbers and not of any clock.
own-clock-good = This machine’s clock is synchronised.
own-clock-bad = This machine’s clock has not been synchronised for { $x }.
own-clock-bad-do = Check the time program (such as chrony) and the way to the time server (UDP port 123).
own-clock-unknown = Whether this machine’s clock is synchronised is unknown.
own-clock-not-allowed = The kernel may not be asked (ProtectClock or a similar setting of the service). Check on the machine itself.
own-clock-not-looked = Nobody looked at the clock in the last 10 minutes. While Hinomi runs it looks every minute.
own-clock-keeper = Kept by
own-clock-error = Estimated error
own-clock-most = Largest error
own-clock-at = Looked at
clock-keeper-chrony = chrony
clock-keeper-systemd-timesyncd = systemd-timesyncd
clock-keeper-ntpd = ntpd
clock-keeper-not-found = no time program was found
clock-keeper-unknown = kept by: unknown
clocks-sources = Clocks of the sources
clocks-sources-how = Estimated from the times that devices write and the times at which Hinomi received them. What a record needs on its way makes a clock look a little slower than it is. This rests on Hinomi’s own clock.
clocks-sources-none = No source tells a time of its own yet. Logs and answers of time servers will show here.
clocks-source = Source
clocks-by = Read from
clocks-skew = Off by
clocks-spread = Measured within
clocks-since = Since
clocks-last = Last record
clocks-samples = Records
clock-by-sensor = reports of the sensor
clock-by-log = times in logs
clock-by-ntp = answers of a time server
clock-under-a-second = less than a second
clock-unknown = not known yet
clock-even = no difference that can be measured
clock-ahead = { $x } ahead
clock-behind = { $x } behind
clock-within = ±{ $x }
clock-tag-unknown = unknown
clock-tag-off = off
clock-tag-good = right
clock-looks-unset = It tells a time before 2015: an empty battery, or it was never set.
clock-looks-zone = Almost exactly { $n ->
    [one] one hour
   *[other] { $n } hours
}: a wrong time zone or summer time, by the look of it.
clocks-devices = Devices that ask a time server, and those that do not
clocks-devices-how = Told from requests seen on the network (NTP, SNTP, Windows time). “Never seen asking” is said only of devices that were heard in { $n } different hours or more. PTP, clocks set by GPS or radio, and requests on ways that are not watched cannot be seen.
clocks-address = Address
clocks-standing = Asks a time server
clocks-asked = Asked last
clocks-servers = Whom
clocks-hours = Hours heard
clocks-count = { $n ->
    [one] one device
   *[other] { $n } devices
}
clocks-more = { $n } more. All are in the CSV.
clocks-group-never = Never seen asking
clocks-group-unknown = Not known yet
clocks-group-asks = Seen asking
clocks-empty-never = None.
clocks-empty-unknown = None.
clocks-empty-asks = No request was seen yet.
clocks-is-never = never seen
clocks-is-unknown = unknown
clocks-is-asks = yes
deed-started-after-first = for the first time
deed-started-after-ordered = the run before ended in good order
deed-started-after-killed = the run before ended without a word (killed or crashed)
deed-started-after-machine = the run before ended without a word (the machine was restarted, or lost power)
deed-started-after-unknown = how the run before ended is unknown
deed-stopped-terminated = by the service manager, or the machine going down (SIGTERM)
deed-stopped-interrupted = from the terminal (SIGINT)
deed-not-watched = Nothing was watched from { $x } to { $y } ({ $span })
deed-not-watched-back = Nothing was watched from { $x } to the start; meanwhile the clock was set back, and the start was at { $y }
deed-gap-first = first start
deed-gap-ordered = it had been stopped
deed-gap-killed = it had ended without a word (killed or crashed)
deed-gap-machine = the machine was restarted (such as for loss of power)
deed-gap-unknown = the reason is unknown
deed-clock-good = Hinomi’s clock is synchronised ({ $x })
deed-clock-bad = Hinomi’s clock has not been synchronised for { $y } ({ $x })
deed-clock-unknown = Whether Hinomi’s clock is synchronised is unknown
deed-clock-jumped = Hinomi’s clock jumped (it was { $x }, it is { $y })
