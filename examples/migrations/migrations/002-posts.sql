create table posts (id serial primary key, author integer not null references users, title text not null);
insert into users (email) values ('ada@example.org');
