groupadd -r -g 999 mysql
useradd -r -g mysql -u 999 -d /home/mysql -m mysql
