cmd-witness = See the checkpoints of other vaults, and cosign them
arg-witness-data = Folder for the witness's key and for what it has seen
arg-witness-listen = Address and port to answer on
arg-witness-log = Public key line of a log to serve (several are possible); 'hinomi vault checkpoint --print' shows it
arg-witness-name = Name of the key; set at the first start, and fixed from then on
arg-witness-tls-cert = Certificate for HTTPS (PEM)
arg-witness-tls-key = Its private key (PEM)
witness-after-help =
    A witness remembers the newest checkpoint of each log and cosigns only what goes on from there. Forks (another history) and rollbacks are
    refused, and both checkpoints are kept in DIR/evidence. Nothing of the records gets here. Best run on the machine of another company or site.
    Nobody on the way can change a checkpoint or a cosignature without being noticed, so plain HTTP does no harm to them; HTTPS hides who shows
    what to whom. Never restore this folder from an older copy: a witness that has forgotten may cosign a fork.
witness-serving = witness at { $address }, { $logs ->
    [one] 1 log
   *[other] { $logs } logs
  }
witness-key = public key:  { $vkey }
witness-fingerprint = fingerprint: SHA-256 { $fingerprint }
witness-front = This is a C2SP tlog-witness. Checkpoints go to POST /add-checkpoint. Key: { $vkey } Fingerprint: { $fingerprint }
witness-plain = note: this is plain HTTP for other machines too. Nobody can change checkpoints or cosignatures on the way, but they can be seen. --tls-cert and --tls-key make it HTTPS
witness-no-log = note: there is no log to serve. Give its public key line with --log
witness-cosigned = cosigned: { $origin } with { $size } entries
witness-refused = refused ({ $status }): { $reason }
witness-fork = FORK: { $origin } shows another history with { $shown } entries, signed with the same key: it contradicts the checkpoint of { $known } entries that was seen before.
witness-rollback = ROLLBACK: { $origin } shows { $shown } entries, and { $known } were seen before. It went back to an older copy, or somebody sent an old checkpoint again.
witness-unproven = UNPROVEN: { $origin } shows { $shown } entries, and nothing shows that they go on from the { $known } that were seen before.
witness-evidence = both checkpoints: { $file }
witness-trouble = trouble: { $why }
cmd-vault-checkpoint = Show the newest checkpoint, to print or give away, and compare it later
arg-checkpoint-print = Also print fingerprint and QR code
arg-checkpoint-svg = Write a sheet of A4 as SVG to this file
arg-checkpoint-html = Write a sheet of A4 as HTML to this file (open it and print)
arg-checkpoint-check = Say whether today's vault contains the checkpoint that was typed or scanned; - is standard input
arg-checkpoint-cosign = Ask every configured witness for a cosignature now
arg-checkpoint-stamp = Ask the configured time-stamp authority for a stamp now
checkpoint-none = { $folder } has no checkpoint yet; 'hinomi run' makes one with the first records
checkpoint-title = Checkpoint of the vault
checkpoint-about = These three lines stand for everything that was recorded until the day of this sheet. If records are rewritten later, they will not agree with it. They tell nothing of the records.
checkpoint-keep = Keep it under lock, or give it to somebody outside (accountant, customer, parent company).
checkpoint-again = To compare: read the QR code with a phone, or type the text of the checkpoint, and give it to 'hinomi vault checkpoint --check'.
checkpoint-log = vault
checkpoint-size = entries
checkpoint-root = hash
checkpoint-made = printed
checkpoint-fingerprint = fingerprint of the key
checkpoint-vkey = public key line
checkpoint-text = text of the checkpoint
checkpoint-sign = received by, date, signature
checkpoint-written = written: { $file }
checkpoint-long = this checkpoint is too long for a QR code ({ $bytes } bytes)
check-holds = It agrees. The checkpoint on paper ({ $size } entries) is part of today's vault ({ $now } entries), and not one record before it was changed.
check-alike = Some letters on paper were mistaken (O and 0, l and 1), but look the same.
check-signed = The signature on paper is by this vault's key too.
check-unsigned = The signature on paper could not be read, or is not by today's key. That does not change the answer.
check-other-log = It does not agree. The paper is of another vault ({ $origin }); this one is { $own }.
check-behind = It does not agree. The paper has { $size } entries, and today's vault only { $now }: it went back to an older copy, or records were cut off.
check-fork = It does not agree. This vault's key signed the checkpoint of { $size } entries, and the first { $size } entries of today's vault are others. Records were rewritten. Keep the paper and the disks of this machine as they are.
check-mistyped = It does not agree. The hash at { $size } entries is another. The signature could not be verified either, so it was mistyped or records were rewritten: type it again, or read the QR code.
ask-none = no witness is configured (setting witnesses)
ask-no-authority = no time-stamp authority is configured (settings timestamp_url and timestamp_ca)
ask-cosigned = { $witness } cosigned { $size } entries
ask-disputed = { $witness } has seen another history ({ $dispute ->
    [fork] fork
    [rollback] rollback
   *[unproven] not shown to go on from there
  }). This vault has { $size } entries.
ask-theirs = The witness has seen { $theirs }.
ask-stamped = { $signer } stamped the checkpoint of { $size } entries at { $time } (vouched for by { $issuer })
ask-trouble = { $why }
