// The package that tools/package makes: what is in it, and what becomes of a machine and its blobs by it.

import CairnTestSupport
import Glibc
import Testing

@Suite("Package")
struct PackageTests {
    private let tool: ToolProcess

    init() throws { tool = try ToolProcess("cairnd") }

    @Test(
        "it holds programs, pages, completions, the unit and a configuration that the server takes")
    func contents() throws {
        guard let package = try tool.makePackage() else { return }
        let result = try tool.shell(
            """
            set -eu
            dpkg-deb --raw-extract \(package) tree
            cd tree
            find . -type f | sort
            grep '^Depends: .*libc6' DEBIAN/control >&2
            grep -x /etc/cairn/cairnd.conf DEBIAN/conffiles >&2
            [ "$(usr/bin/cairnd --version | sed 's/cairnd //; s/,.*//')-1" = "$(dpkg-deb -f \(package) Version)" ]
            zcat usr/share/man/man1/cairn.1.gz | cmp - '\(repository)/tools/cairn/cairn.1'
            zcat usr/share/man/man8/cairnd.8.gz | grep -q '^.TH CAIRND 8 '
            usr/bin/cairnd --config etc/cairn/cairnd.conf --print-config | grep -v '^#' >../given
            usr/bin/cairnd --dir /var/lib/cairn/store --print-config | grep -v '^#' >../standard
            cmp ../given ../standard
            sed -E 's/^#([a-z-]+ = .)/\\1/' etc/cairn/cairnd.conf >../all
            usr/bin/cairnd --config ../all --print-config | grep -v '^#' | cmp - ../standard
            """)
        #expect(result.code == 0, "\(result.complaint)")
        for path in [
            "/etc/cairn/cairnd.conf", "/usr/bin/cairn", "/usr/bin/cairnd",
            "/usr/lib/systemd/system/cairnd.service", "/usr/lib/sysusers.d/cairn.conf",
            "/usr/share/bash-completion/completions/cairnd",
            "/usr/share/zsh/vendor-completions/_cairn", "/usr/share/doc/cairn/copyright",
        ] {
            #expect(result.lines.contains(".\(path)"), "\(path)")
        }
    }

    @Test("the same programs make the same bytes, wherever and whenever")
    func reproducible() throws {
        guard try tool.makePackage("--version 1.0-1") != nil else { return }
        let other = try ToolProcess("cairnd")
        let second = try other.shell(
            """
            set -eu; umask 077; export TZ=Asia/Kolkata LANG=C
            cp '\(ToolProcess.binaries)'/cairn{,d} .
            SOURCE_DATE_EPOCH=1000000000 '\(repository)/tools/package' --fast --binaries . \\
                --output . --version 1.0-1
            cmp *.deb '\(tool.path(""))'*.deb
            """)
        #expect(second.code == 0, "\(second.text) \(second.complaint)")
    }

    /// What the scripts below have in common. A server is started as the unit does: by its line, as its user, in the
    /// directory that it asks for.
    private static func functions(_ package: String) -> String {
        """
        set -eu -o pipefail
        export DEBIAN_FRONTEND=noninteractive CAIRN_LISTEN=127.0.0.1:0 no_proxy='*'
        install() { dpkg --no-triggers --force-confdef --force-confold -i "$1" >said; }
        fail() { echo "$*" >&2; cat said log >&2 || true; exit 1; }
        nobody_serves() { ! grep -lx cairnd /proc/[0-9]*/comm || fail 'a server runs'; }
        start() {
            rm -f ready; mkfifo -m 666 ready
            command install -d -o cairn -g cairn -m 700 /var/lib/cairn
            line=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/cairnd.service)
            setpriv --reuid cairn --regid cairn --init-groups $line >ready 2>log &
            server=$!
            read -r said_ready <ready || fail 'it does not start'
            url=${said_ready##* }
        }
        stop() { kill $server; wait $server || fail 'it ends with an error'; }
        put() { [ $(curl -sS -o said -w '%{http_code}' -T "$1" $url/store/$1) = 201 ]; }
        holds() { curl -sSf $url/store/$1 | cmp - $1 || fail "$1 is lost"; }
        renew() { # OLD NEW VERSION: a newer package, of which programs and configuration differ
            rm -rf tree
            dpkg-deb -R $1 tree
            sed -i "s/^Version: .*/Version: $3/" tree/DEBIAN/control
            printf '%s' $3 | tee -a tree/usr/bin/cairn tree/etc/cairn/cairnd.conf >>tree/usr/bin/cairnd
            sed -i '$s/^/#/' tree/etc/cairn/cairnd.conf
            dpkg-deb -Znone -b tree $2 >said
        }
        old=\(package)
        """
    }

    @Test(
        "installed it starts nothing, its user may serve, and no removal takes a blob",
        .enabled(if: geteuid() == 0, "only root may install a package"))
    func life() throws {
        guard let package = try tool.makePackage() else { return }
        let result = try tool.inMachine(
            Self.functions(package.replacing(tool.path, with: "/mnt")) + """

                install $old
                nobody_serves
                [ ! -e /etc/systemd/system/multi-user.target.wants/cairnd.service ] || fail enabled
                [ "$(stat -c %u:%a /etc/cairn/cairnd.conf)" = 0:644 ] || fail 'conf'
                head -c 1000000 /dev/urandom >a
                start
                [ "$(stat -c %U /proc/$server)" = cairn ] || fail 'another user'
                put a
                CAIRN_LISTEN=${url#http://} cairnd health >said || fail 'not healthy'
                stop
                echo secret >/etc/cairn/tokens
                sed -i 's/^#log-level = .*/log-level = error/' /etc/cairn/cairnd.conf
                dpkg --no-triggers -r cairn >said
                [ ! -e /usr/bin/cairnd ] && [ -e /etc/cairn/cairnd.conf ] || fail 'removed wrongly'
                install $old
                nobody_serves
                grep -qx 'log-level = error' /etc/cairn/cairnd.conf || fail 'what people wrote is gone'
                dpkg --no-triggers -P cairn >said
                grep -q '/var/lib/cairn and the user cairn stay' said || fail 'says nothing'
                [ ! -e /etc/cairn/cairnd.conf ] && [ -e /etc/cairn/tokens ] || fail 'purged wrongly'
                install $old
                start
                holds a
                stop
                # What a manager of services is asked for: nothing, where none runs the server.
                mkdir -p /run/systemd/system /usr/local/bin
                printf '#!/bin/sh\\necho "${0##*/} $*" >>/mnt/calls; [ $2 != is-active ] || [ -e /mnt/active ]' |
                    tee /usr/local/bin/deb-systemd-invoke >/usr/local/bin/systemctl
                chmod 755 /usr/local/bin/*
                export PATH=/usr/local/bin:$PATH
                asked() { sed -n 's/^deb-systemd-invoke //p' calls; }
                install $old
                [ -z "$(asked)" ] || fail "asks for $(asked)"
                touch active
                install $old
                [ "$(asked)" = 'restart cairnd.service' ] || fail "asks for $(asked)"
                dpkg --no-triggers -r cairn >said
                [ "$(asked | tail -n 1)" = 'stop cairnd.service' ] || fail "asks for $(asked)"
                """)
        guard let result else { return }
        #expect(result.code == 0, "\(result.text) \(result.complaint)")
    }

    @Test(
        "an upgrade beside a live store loses nothing, also when it is killed half-way",
        .enabled(if: geteuid() == 0, "only root may install a package"))
    func upgrade() throws {
        guard let package = try tool.makePackage() else { return }
        let result = try tool.inMachine(
            Self.functions(package.replacing(tool.path, with: "/mnt")) + """

                mv $old old.deb
                install old.deb
                renew old.deb new.deb 9.0-1
                (cd tree && find usr -type f | sort) >files
                sums() { (cd $1 && xargs md5sum </mnt/files); }
                sums tree >new; dpkg-deb -R old.deb oldtree; sums oldtree >old
                start
                # Writes without end; what was acknowledged is written down.
                head -c 3000 /dev/urandom >value
                curl -sS --rate 10/s -o said_body -T value "$url/store/k[000000-999999]" \\
                    -w '%{stderr}%{http_code} %{url}\\n' 2>answers &
                writer=$!
                count() { mapfile -t lines <answers; answered=${#lines[@]}; }
                # dpkg is killed between two programs, when all files are there, at the configuration.
                from=old to=new
                for step in 6 22 30; do
                    code=0
                    strace -qq -o trace -e trace=rename \\
                        -e inject=rename:signal=KILL:when=$step \\
                        dpkg --no-triggers --force-confold -i $to.deb >said 2>&1 || code=$?
                    [ $code = 137 ] || fail "step $step: dpkg was not killed but ended with $code"
                    # Every file is wholly the old one or the new one, and the programs run.
                    ! sums / | grep -vxF -f old -f new || fail "step $step: neither old nor new"
                    cairnd --version >said && cairn --version >said
                    count; before=$answered
                    until [ $answered -gt $before ]; do kill -0 $writer; count; done
                    # Configured or done again, it is whole.
                    dpkg --no-triggers --force-confold --configure -a >said 2>&1 || true
                    install $to.deb
                    sums / | cmp - $to || fail "step $step: not whole"
                    swap=$from from=$to to=$swap
                done
                [ "$(dpkg-query -Wf '${Version}' cairn)" = 9.0-1 ] || fail 'not the newer one'
                kill -0 $server || fail 'the upgrade ended the server'
                kill $writer; wait $writer || true
                stop
                start
                sed -n 's/^201 .*\\(k[0-9]*\\)$/\\1/p' answers >acknowledged
                [ $(wc -l <acknowledged) -gt 10 ] || fail 'few writes'
                holds_all() {
                    sed "s|.*|url = $url/store/&|" acknowledged | curl -sSf -K - >got
                    sed "s|.*|value|" acknowledged | xargs cat | cmp - got || fail 'lost'
                }
                holds_all
                stop
                # Back again: the format is the same, so the older program serves.
                install old.deb
                start
                holds_all
                stop
                echo "$(wc -l <acknowledged) writes beside 3 killed upgrades"
                """)
        guard let result else { return }
        #expect(result.code == 0, "\(result.text) \(result.complaint)")
        print(result.text)
    }
}
