cmd-witness = ほかの保管庫の控え（チェックポイント）を見届け、署名を添えます
arg-witness-data = 立会人の鍵と、見たものを置くフォルダー
arg-witness-listen = 受け付けるアドレスとポート
arg-witness-log = 見届ける保管庫の公開鍵の行（複数可）。'hinomi vault checkpoint --print' で出ます
arg-witness-name = 鍵の名前。はじめの起動で決まり、あとから変えられません
arg-witness-tls-cert = HTTPS で受け付けるときの証明書（PEM）
arg-witness-tls-key = その秘密鍵（PEM）
witness-after-help =
    立会人は、保管庫ごとに最後に見た控えを覚え、そこから伸びただけの控えにだけ署名します。枝分かれ（別の歴史）と後戻りは断り、両方の控えを
    DIR/evidence に残します。記録の中身は何も届きません。できれば別の会社や拠点の機械で動かしてください。
    控えも署名も改ざんすれば分かるので、HTTP のままでも内容は守られます。HTTPS は、誰が誰に見せたかを途中の者に知られないためのものです。
    このフォルダーを古い写しから戻してはいけません。忘れた立会人は、枝分かれに署名するおそれがあります。
witness-serving = 立会人が受け付けています：{ $address }（保管庫 { $logs } 件）
witness-key = 公開鍵：{ $vkey }
witness-fingerprint = 指紋：SHA-256 { $fingerprint }
witness-front = C2SP の立会人（tlog-witness）です。控えは POST /add-checkpoint へ。鍵：{ $vkey }　指紋：{ $fingerprint }
witness-plain = 注意：HTTP（暗号なし）で、ほかの機械から受け付けています。控えと署名は途中で変えられませんが、見ることはできます。--tls-cert と --tls-key で HTTPS になります
witness-no-log = 注意：見届ける保管庫がありません。--log に公開鍵の行を渡してください
witness-cosigned = 署名しました：{ $origin }、{ $size } 件まで
witness-refused = 断りました（{ $status }）：{ $reason }
witness-fork = 枝分かれ：{ $origin } が、{ $shown } 件で別の歴史を示しました。同じ鍵で、すでに見た { $known } 件の控えと食い違います。
witness-rollback = 後戻り：{ $origin } が { $shown } 件の控えを示しました。すでに { $known } 件まで見ています。古い写しに戻したか、誰かが古い控えを送り直しています。
witness-unproven = 証明なし：{ $origin } が { $shown } 件の控えを示しましたが、すでに見た { $known } 件から伸びたものと示せていません。
witness-evidence = 両方の控え：{ $file }
witness-trouble = 支障：{ $why }
cmd-vault-checkpoint = 保管庫の控え（チェックポイント）を出し、紙やほかの人に預け、あとで照らし合わせます
arg-checkpoint-print = 指紋と QR コードも出します
arg-checkpoint-svg = A4 一枚の SVG をこのファイルに書きます
arg-checkpoint-html = A4 一枚の HTML をこのファイルに書きます（開いて印刷）
arg-checkpoint-check = 打ち込んだ、または読み取った控えが、今の保管庫に含まれるか確かめます。- は標準入力
arg-checkpoint-cosign = 設定された立会人すべてに、いま署名を求めます
arg-checkpoint-stamp = 設定された時刻認証局に、いまタイムスタンプを求めます
checkpoint-none = { $folder } に控えはまだありません。'hinomi run' がはじめの記録を書くとできます
checkpoint-title = 保管庫の控え
checkpoint-about = この紙の日までに記録されたすべてを、この三行が言い表します。あとで記録が書きかえられれば、この紙と合わなくなります。記録の中身は分かりません。
checkpoint-keep = 鍵のかかる所に保管するか、社外の人（会計士、取引先、親会社）に預けてください。
checkpoint-again = 照らし合わせるとき：QR コードをスマートフォンで読み取るか、控えの文を打ち込み、'hinomi vault checkpoint --check' に渡します。
checkpoint-log = 保管庫
checkpoint-size = 記録の束の数
checkpoint-root = ハッシュ
checkpoint-made = 印刷した日時
checkpoint-fingerprint = 鍵の指紋
checkpoint-vkey = 公開鍵の行
checkpoint-text = 控えの文
checkpoint-sign = 受け取った人・日付・署名
checkpoint-written = 書きました：{ $file }
checkpoint-long = この控えは QR コードに入りません（{ $bytes } バイト）
check-holds = 合っています。紙の控え（{ $size } 件）は今の保管庫（{ $now } 件）に含まれ、それまでの記録は一つも変わっていません。
check-alike = 紙の文字には読み違い（O と 0、l と 1 など）がありましたが、見た目は同じです。
check-signed = 紙の署名も、この保管庫の鍵のものです。
check-unsigned = 紙の署名は読み取れないか、今の鍵のものではありません。含まれるかどうかの答えは変わりません。
check-other-log = 合いません。紙は別の保管庫（{ $origin }）の控えです。この保管庫は { $own } です。
check-behind = 合いません。紙は { $size } 件ありますが、今の保管庫には { $now } 件しかありません。古い写しに戻したか、記録が切り捨てられています。
check-fork = 合いません。この保管庫の鍵で署名された { $size } 件の控えと、今の保管庫の { $size } 件目までが食い違います。記録は書きかえられています。紙と、この機械のディスクを、そのまま保全してください。
check-mistyped = 合いません。{ $size } 件の時点のハッシュが違います。署名も確かめられないので、打ち間違いか、記録の書きかえかは分かりません。打ち直すか、QR コードで読み取ってください。
ask-none = 立会人は設定されていません（設定 witnesses）
ask-no-authority = 時刻認証局は設定されていません（設定 timestamp_url と timestamp_ca）
ask-cosigned = { $witness } が { $size } 件まで署名しました
ask-disputed = { $witness } は別の歴史を見ています（{ $dispute ->
    [fork] 枝分かれ
    [rollback] 後戻り
   *[unproven] 続きと示せない
  }）。この保管庫は { $size } 件。
ask-theirs = 立会人が見たのは { $theirs } 件です。
ask-stamped = { $signer } が { $size } 件の控えに { $time } のタイムスタンプを付けました（{ $issuer } の証明による）
ask-trouble = { $why }
